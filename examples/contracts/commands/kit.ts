import { Option, type Command } from "commander";
import { backendOf, backends, storeOf, type Backend, type Home } from "../home";
import type { VerbResult } from "../result";
import type { Store } from "../../../records/store";

/** What the commands need of the process. */
export interface Kit {
  readonly home: () => Home;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => Date;
  /** Something for people while a verb works. */
  readonly tell: (line: string) => void;
  readonly finish: (result: VerbResult) => void;
  /** Asks for a word. Where there is no terminal, nobody says yes. */
  readonly confirmed: (question: string, word: string, otherwise: string) => Promise<boolean>;
}

/** Adds verbs to the program. */
export type AddVerbs = (program: Command, kit: Kit) => void;

/** `--backend`: of another than the one that is in use. */
export const backend = (): Option =>
  new Option("--backend <backend>", "the backend (default: the one in use)").choices([...backends]);

/** `--network`. */
export const network = (): Option => new Option("--network <name>", "the network, or all").default("all");

/** The backend that a verb is about. */
export const chosen = ({ home, env }: Kit, { backend: named }: { readonly backend?: Backend }): Backend =>
  named ?? backendOf(home(), env);

/** The store that a verb is about. */
export const chosenStore = (kit: Kit, options: { readonly backend?: Backend }): Store =>
  storeOf(kit.home(), chosen(kit, options));

import { commandsIn } from "./commands";
import type { Said, World } from "./world";

/** A way that a person is sent: a command, in words, and what it is run with. */
interface Step {
  readonly program: "rewind" | "pulumi";
  readonly words: readonly string[];
}

/** What a next command says must be so first; then the same command again is a way on. */
const conditional = /\b(?:when|wait|while|until|if)\b/;

/** The ways that a "Next:" names, each as the commands that are typed one after the other. */
export function waysIn(next: string): Step[][] {
  return next
    .split(/[,;]? or (?=(?:rewind|pulumi) )|; else (?=(?:rewind|pulumi) )/)
    .map((way) =>
      [
        ...commandsIn(way).map((words) => ({ program: "rewind" as const, words: words.map(forThisStack) })),
        ...pulumiIn(way).map((words) => ({ program: "pulumi" as const, words })),
      ].sort((a, b) => at(way, a) - at(way, b)),
    )
    .filter((steps) => steps.length > 0);
}

const at = (way: string, { program, words }: Step): number => way.indexOf(`${program} ${words[0] ?? ""}`);

/** The project of these tests has other releases than the examples of the messages. */
const forThisStack = (word: string): string => (word === "v1.2.0" ? "v2" : word);

/** The commands of the engine that a text names, each as its words. */
export function pulumiIn(text: string): string[][] {
  return [...text.matchAll(/(?<![\w/`.-])pulumi ((?:[a-z]+ ?)+(?:(?:--?[a-z-]+|[\w:.…<>/"-]+) ?)*)/g)].flatMap(
    ([, rest = ""]) => {
      const words: string[] = [];
      for (const word of rest.trim().split(" ")) {
        if (words.length > 0 && prose.has(word.replace(/[,;:.]$/, ""))) break;
        words.push(word.replace(/[,;:.]$/, ""));
        if (/[,;:.]$/.test(word)) break;
      }
      return [words];
    },
  );
}

const prose = new Set(
  "which when if and or says that is to again with tries verifies needs first one more nothing".split(" "),
);

const asksOthers: ReadonlySet<string> = new Set(["can-rollback", "assess", "doctor"]);

/** A command that was run on the way, and what it said. */
export type Told = (next: string) => void;

/**
 * Follows what a text says to type next, in the state in which it is said, until it ends well.
 * @param told hears of every next command that is said on the way
 * @returns why it does not lead on; undefined where it does
 */
export async function follow(
  world: World,
  next: string,
  told: Told,
  seen: readonly string[] = [],
): Promise<string | undefined> {
  told(next);
  if (seen.length > 12) return `goes on without an end: ${seen.map((each) => each.split(" @ ")[0]).join(" → ")}`;
  const back = world.keep();
  for (const steps of waysIn(next)) {
    back();
    let path = seen;
    for (const [index, { program, words }] of steps.entries()) {
      const command = `${program} ${words.join(" ")}`;
      const here = `${command} @ ${world.state()}`;
      if (path.includes(here) && !conditional.test(next)) {
        return `leads back to itself: ${[...path, here].map((each) => each.split(" @ ")[0]).join(" → ")}`;
      }
      if (path.includes(here)) continue;
      const essence = `${command} @ ${world.essence()}`;
      const isLast = index === steps.length - 1;
      if (isLast && world.leadsOn.has(essence)) continue;
      path = [...path, here];
      // What asks other systems waits for them; that it leads on is seen once.
      const known = asksOthers.has(words[0] ?? "") ? command : here;
      const said: Said =
        world.known.get(known) ?? (program === "rewind" ? await world.rewind(words) : world.pulumi(words));
      if (here.endsWith(` @ ${world.state()}`)) world.known.set(known, said);
      if (/unknown (?:command|option)|missing required|too many arguments|required option/.test(said.text)) {
        return `${command}: ${said.text}`;
      }
      if (said.code === 0) world.leadsOn.add(essence);
      if (said.code === 0 || (!isLast && said.next.length > 0)) continue;
      // The engine's words have no next command of their own: it is asked as a person asks then.
      const after = program === "pulumi" && said.next.length === 0 ? ["rewind status"] : said.next;
      if (after.length === 0) return `${command} ends with ${said.code} and no next command: ${said.text}`;
      for (const each of after) {
        const why = await follow(world, each, told, path);
        if (why !== undefined) return why;
      }
      world.leadsOn.add(essence);
    }
  }
  back();
  return undefined;
}

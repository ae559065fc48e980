import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { Refusal } from "./result";

/** What is said where a key is missing, or a file holds no key. */
interface KeyWords {
  /** How one is named. */
  readonly option: string;
  /** Where it says how one is made. */
  readonly help: string;
}

/** The private Ed25519 key of a PEM file. Throws Refusal. */
export const privateKey = (file: string | undefined, words: KeyWords): KeyObject =>
  ed25519(file, createPrivateKey, "private", words);

/** The public Ed25519 key of a PEM file, or that of the private key in it. Throws Refusal. */
export const publicKey = (file: string | undefined, words: KeyWords): KeyObject =>
  ed25519(file, createPublicKey, "public", words);

function ed25519(
  file: string | undefined,
  read: (pem: string) => KeyObject,
  kind: string,
  { option, help }: KeyWords,
): KeyObject {
  if (file === undefined) throw new Refusal(`no ${kind} key is named`, option);
  const pem = readText(file);
  const refuse = (): never => {
    throw new Refusal(`${file} is no ${kind} Ed25519 key in PEM`, `${help} says how one is made`);
  };
  try {
    const key = read(pem);
    return key.asymmetricKeyType === "ed25519" ? key : refuse();
  } catch {
    return refuse();
  }
}

/** The text of a file that a person named. Throws Refusal. */
export function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? ""}`, `ls -l ${file}`);
  }
}

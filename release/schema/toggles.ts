import { z } from "zod";
import { ToggleName } from "../primitives";
import { Text } from "./common";

const Plain = z.union([z.boolean(), z.number(), Text]);

/** The value of a toggle: on, off, a number, a text, or a list of those. */
export const Toggle = z.union([Plain, z.array(Plain).max(1_000)], {
  error: "expected true, false, a number, a text or a list of at most 1000 of them",
});
export type Toggle = z.infer<typeof Toggle>;

/** Toggles by name, as a release pins them or a stack lays them over its release. */
export const Toggles = z.record(ToggleName, Toggle);
export type Toggles = z.infer<typeof Toggles>;

/** The type of a toggle's value in a word. */
export function toggleType(value: Toggle): "boolean" | "number" | "text" | "list" {
  if (Array.isArray(value)) return "list";
  return typeof value === "string" ? "text" : (typeof value as "boolean" | "number");
}

/** What a service is told of a toggle: a text as it is, anything else as JSON without blanks, `true`, `0.25`, `["a","b"]`. */
export function toggleText(value: Toggle): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** How a toggle of a type is written, for messages. */
export const toggleForms = {
  boolean: "true or false",
  number: "a number such as 0.25",
  text: "a text",
  list: 'a list such as ["a","b"]',
} as const;

/** A toggle's value as it was typed: of a declared type, or of the one that it looks like. Undefined where it is neither. */
export function typedToggle(type: ReturnType<typeof toggleType> | undefined, text: string): Toggle | undefined {
  if (type === "text") return text;
  const value = Toggle.safeParse(jsonOf(text)).data;
  if (type === undefined) return value !== undefined && toggleText(value) === text ? value : text;
  return value !== undefined && toggleType(value) === type ? value : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { z } from "zod";
import { VariableName } from "../primitives";
import { Text } from "./common";

/** The value of a toggle: on, off, or a word. */
export const Toggle = z.union([z.boolean(), Text], { error: "expected true, false or a text" });
export type Toggle = z.infer<typeof Toggle>;

/** Toggles by name, as a release pins them or a stack lays them over its release. */
export const Toggles = z.record(VariableName, Toggle);
export type Toggles = z.infer<typeof Toggles>;

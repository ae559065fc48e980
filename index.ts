import { build } from "./stacks/program";

// Called by the engine's own run, not while this file loads: the state keeps the stack trace of each resource.
export = build;

import { build } from "./stacks/program";

/** The stack's outputs: what is pinned, what was verified, and the containers that run it. */
export const { release, digest, pins, verified, containers } = build();

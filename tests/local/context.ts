import { type Machine } from "../../local/machine";
import { type Context, loopbackOnly } from "../../local/part";
import { Ports } from "../../local/ports";

/** A machine that has nothing, may do nothing and reaches nobody. */
export const bareMachine: Machine = {
  root: false,
  find: () => undefined,
  list: () => [],
  reachable: () => Promise.resolve(false),
  install: () => Promise.resolve({ lacks: "nothing can be installed", command: "sudo apt-get install it" }),
};

/** The context of one run on a machine that is bare but for what the test gives it. */
export function contextOn(machine: Partial<Machine>, given: Partial<Context> = {}): Context {
  return {
    checkout: "/nowhere",
    id: "0a1b2c",
    folder: "/nowhere/.rewind",
    cache: "/nowhere/cache",
    machine: { ...bareMachine, ...machine },
    env: {},
    ports: new Ports(),
    signal: new AbortController().signal,
    note: () => undefined,
    gateway: Promise.resolve(loopbackOnly),
    announceGateway: () => undefined,
    docker: Promise.resolve(undefined),
    pulumi: Promise.resolve(undefined),
    ...given,
  };
}

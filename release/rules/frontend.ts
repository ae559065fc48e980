import { problem, type Rule } from "./rule";

/** A frontend is served from an object store, and exactly one thing says which build is served. */
export const frontendsHaveOnePointer: Rule = ({ environment }) =>
  Object.entries(environment.frontends ?? {}).flatMap(([name, { route, distribution }]) => {
    const at = ["environment", "frontends", name];
    const pointers = [route, distribution?.keyValueStore].filter((pointer) => pointer !== undefined).length;
    return [
      ...(environment.objectStore === undefined
        ? [problem(at, "the environment has no objectStore to serve it from")]
        : []),
      ...(route !== undefined && environment.proxy === undefined
        ? [problem([...at, "route"], "the environment has no proxy")]
        : []),
      ...(pointers === 0
        ? [problem(at, "nothing would move with the pin: expected route, or distribution.keyValueStore")]
        : []),
      ...(pointers > 1
        ? [problem(at, "route and distribution.keyValueStore would both say which build is served")]
        : []),
    ];
  });

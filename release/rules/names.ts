import { volumeName } from "../holdings";
import { quote } from "../primitives";
import type { Problem } from "../problems";
import { nameInSwarm, runtimeOf } from "../runtime";
import type { Workload } from "../schema/workloads";
import { problem, type Rule } from "./rule";

const base = ["environment", "database"] as const;

/** node-pg-migrate puts the schema and its own table into SQL between quotes, and escapes none inside them. */
export const migrationsAreNamedPlainly: Rule = ({ environment: { database } }) => {
  if (database?.migrations === undefined) return [];
  const { schema, table } = database.migrations;
  const names: [readonly PropertyKey[], string | undefined][] = [
    [[...base, "schema"], database.schema],
    [[...base, "migrations", "schema"], schema],
    [[...base, "migrations", "table"], table],
  ];
  return names.flatMap(([at, name]) =>
    name === undefined || !/['"]/.test(name)
      ? []
      : [problem(at, `expected a name without quotes where there are migrations, got ${quote(name)}`)],
  );
};

/** The postgresql plugin finds a function again by `database.schema.name(types)`, which it takes apart at its dots. */
export const functionsAreFoundAgain: Rule = ({ environment: { database } }) => {
  const functions = Object.entries(database?.functions ?? {});
  if (database === undefined || functions.length === 0) return [];
  const whole = database.name.includes(".")
    ? [
        problem(
          [...base, "name"],
          `expected a name without dots where there are functions, got ${quote(database.name)}`,
        ),
      ]
    : [];
  const typed = functions.flatMap(([key, { args = [] }]) =>
    args.flatMap(({ type }, index): Problem[] =>
      type.includes(".")
        ? [
            problem(
              [...base, "functions", key, "args", index, "type"],
              `expected a type without its schema, got ${quote(type)}: the postgresql plugin cannot find such a function again`,
            ),
          ]
        : [],
    ),
  );
  return [...whole, ...typed];
};

/** A container's name is its alias in the network, and a piece of a service's name in a swarm: both are host names. */
export const workloadsAreHosts: Rule = ({ environment }) =>
  (["services", "functions"] as const).flatMap((facet) =>
    Object.keys(environment[facet] ?? {}).flatMap((name) => {
      const at = ["environment", facet, name];
      if (!/[A-Za-z0-9]$/.test(name)) {
        return [problem(at, `expected a name that ends in a letter or digit, as host names do, got ${quote(name)}`)];
      }
      const called = nameInSwarm(environment, name);
      return facet === "services" && runtimeOf(environment, facet) === "swarm" && called.length > longestInSwarm
        ? [problem(at, `${called} has ${called.length} characters; a swarm takes ${longestInSwarm} at most`)]
        : [];
    }),
  );

const longestInSwarm = 63;

/** Two entries that stand for one bucket or volume would each undo what the other sets, or share what is each one's own. */
export const placesAreApart: Rule = ({ environment }) => {
  const { services = {}, functions = {}, objectStore } = environment;
  const volumes = [
    ...Object.entries(services).map(own("services")),
    ...Object.entries(functions).map(own("functions")),
  ];
  const places: Place[] = [
    ...Object.entries(objectStore?.buckets ?? {}).map(([entry, name]) => ({
      ...{ kind: "bucket", name, at: ["environment", "objectStore", "buckets", entry] },
    })),
    ...volumes.flat().map(({ at, entry, volume }) => ({
      ...{ kind: "volume", name: volumeName(environment.name, entry, volume), at },
    })),
  ];
  const seen = new Map<string, Place>();
  return places.flatMap((place) => {
    const key = `${place.kind} ${place.name}`;
    const twin = seen.get(key);
    seen.set(key, place);
    return twin === undefined
      ? []
      : [problem(place.at, `${twin.at.slice(1).join(".")} is the ${place.kind} ${place.name} already`)];
  });
};

interface Place {
  readonly kind: string;
  readonly name: string;
  readonly at: readonly string[];
}

const own =
  (facet: string) =>
  ([entry, { volumes = {} }]: [string, Workload]) =>
    Object.keys(volumes).map((volume) => ({ at: ["environment", facet, entry, "volumes", volume], entry, volume }));

import { clientsLetIn } from "../routes";
import { quote } from "../primitives";
import { onDocker, runtimeOf } from "../runtime";
import { has, listed, problem, type Rule } from "./rule";

/** A route needs a proxy, somebody who answers on a port, and a toggle that exists. */
export const routesLeadSomewhere: Rule = ({ environment }) =>
  Object.entries(environment.routes ?? {}).flatMap(([name, { to, allow }]) => {
    const at = ["environment", "routes", name];
    const [facet = "", entry = ""] = to.split("/");
    const workloads = facet === "services" ? environment.services : environment.functions;
    const workload = has(workloads, entry) ? workloads?.[entry] : undefined;
    const single =
      facet === "services" ? runtimeOf(environment, "services") === "docker" : onDocker(environment, "functions");
    return [
      ...(environment.proxy === undefined ? [problem(at, "the environment has no proxy")] : []),
      ...(workload === undefined ? [problem([...at, "to"], `the environment has no ${to}`)] : []),
      ...(workload !== undefined && workload.port === undefined ? [problem([...at, "to"], `${to} has no port`)] : []),
      ...(single ? [] : [problem([...at, "to"], `${to} does not run on a single Docker host, where routes lead to`)]),
      ...(allow === undefined || environment.toggles?.includes(allow) === true
        ? []
        : [
            problem(
              [...at, "allow"],
              `no toggle ${quote(allow)}; the environment has ${listed(environment.toggles ?? [])}`,
            ),
          ]),
    ];
  });

/** Which requests a route takes: of some hosts, to some paths, or all. */
interface Taking {
  readonly at: readonly string[];
  readonly hosts?: readonly string[] | undefined;
  readonly paths?: readonly string[] | undefined;
}

/**
 * No two routes, of services or of frontends, take the same requests: which of them got one would hang on the order in
 * which they were made. The proxy asks those with paths first, then those with hosts, then those that take everything.
 */
export const routesAreToldApart: Rule = ({ environment }) => {
  const all: Taking[] = [
    ...Object.entries(environment.routes ?? {}).map(([name, { hosts, paths }]) => ({
      at: ["environment", "routes", name],
      hosts,
      paths,
    })),
    ...Object.entries(environment.frontends ?? {}).flatMap(([name, { route }]) =>
      route === undefined ? [] : [{ at: ["environment", "frontends", name, "route"], hosts: route.hosts }],
    ),
  ];
  return all.flatMap((later, index) => {
    const earlier = all.slice(0, index).find((each) => takeTheSame(each, later));
    return earlier === undefined
      ? []
      : [
          problem(
            later.at,
            `takes requests that ${earlier.at.slice(1).join(".")} takes, too: expected other hosts or paths`,
          ),
        ];
  });
};

function takeTheSame(one: Taking, other: Taking): boolean {
  if ((one.paths === undefined) !== (other.paths === undefined)) return false;
  if (one.paths !== undefined && other.paths !== undefined) {
    return meet(one.hosts, other.hosts, sameHost) && meet(one.paths, other.paths, samePath);
  }
  return (one.hosts === undefined) === (other.hosts === undefined) && meet(one.hosts, other.hosts, sameHost);
}

/** Whether two lists have something in common; one that is left out has everything. */
function meet(
  some: readonly string[] | undefined,
  others: readonly string[] | undefined,
  same: (one: string, other: string) => boolean,
): boolean {
  if (some === undefined || others === undefined) return true;
  return some.some((one) => others.some((other) => same(one.toLowerCase(), other.toLowerCase())));
}

const sameHost = (one: string, other: string): boolean => one === other;

function samePath(one: string, other: string): boolean {
  return takesPath(one, other.replace(/\*$/, "")) || takesPath(other, one.replace(/\*$/, ""));
}

/** Whether a pattern of the proxy, exact or with a star at its end, takes a path. Both in small letters. */
const takesPath = (pattern: string, path: string): boolean =>
  pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern;

/** What is asked through a route must be the route's: the proxy answers anything else by itself, and well. */
export const routesAreAskedForTheirOwn: Rule = ({ environment }) =>
  Object.entries(environment.routes ?? {}).flatMap(([name, { paths, smoke }]) =>
    smoke.flatMap(({ path }, index) => {
      const [bare = ""] = path.toLowerCase().split("?");
      const own = paths?.some((each) => takesPath(each.toLowerCase(), bare));
      return own === false
        ? [problem(["environment", "routes", name, "smoke", index], `${quote(path)} is none of the route's paths`)]
        : [];
    }),
  );

/** What a toggle lets in must be addresses: a typing error must not open, or shut, the door. */
export const routesLetAddressesIn: Rule = (settings) =>
  Object.entries(settings.environment.routes ?? {}).flatMap(([name, { allow }]) => {
    if (allow === undefined) return [];
    const value = settings.pinned.facets.toggles[allow];
    if (value === undefined || value === "") {
      const at = ["environment", "routes", name, "allow"];
      return [problem(at, `the pin has no ${allow}: expected addresses, or true to let everyone in`)];
    }
    const clients = clientsLetIn(value);
    return clients?.ok === false
      ? [
          problem(
            ["environment", "routes", name, "allow"],
            `${allow} is ${quote(clients.got)}: expected addresses such as 10.0.0.0/8, ::1`,
          ),
        ]
      : [];
  });

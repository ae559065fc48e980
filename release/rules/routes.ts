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

/** What is asked through a route must be the route's: the proxy answers anything else by itself, and well. */
export const routesAreAskedForTheirOwn: Rule = ({ environment }) =>
  Object.entries(environment.routes ?? {}).flatMap(([name, { paths, smoke }]) =>
    smoke.flatMap(({ path }, index) => {
      const [bare = ""] = path.toLowerCase().split("?");
      const own = paths?.some((each) => {
        const pattern = each.toLowerCase();
        return pattern.endsWith("*") ? bare.startsWith(pattern.slice(0, -1)) : bare === pattern;
      });
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

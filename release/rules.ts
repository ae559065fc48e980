import { textsIn, variablesIn } from "./interpolate";
import type { Settings } from "./parse";
import { pathOf, type Problem } from "./problems";
import { quote } from "./primitives";
import { facets, type CheckDefinition, type Release, type Request, type Row, type Table } from "./schema";
import { columnFits, keyOf } from "./rows";

/** A rule over the whole configuration; no problem means that it holds. */
type Rule = (settings: Settings) => Problem[];

/** The keys of a stack file. A rule is not asked where one that it needs is malformed, for it would blame the rest. */
export type Part = "release" | "pins" | "releases" | "environment" | "verification" | "secrets";

const problem = (path: readonly PropertyKey[], message: string): Problem => ({ path: pathOf(path), message });
/** At most twenty names: a list per problem, each as long as the catalogue, once filled the memory. */
const listed = (names: readonly string[]): string =>
  names.length === 0
    ? "none"
    : `${names.slice(0, 20).join(", ")}${names.length > 20 ? ` and ${names.length - 20} more` : ""}`;
const has = (object: object | undefined, key: string): boolean => object !== undefined && Object.hasOwn(object, key);

/** Every release that was read, with its path in the stack file. */
const eachRelease = (settings: Settings, look: (release: Release, at: string[]) => Problem[]): Problem[] =>
  [...settings.releases].flatMap(([id, release]) => look(release, ["releases", id]));

const noRelease = (path: string[], id: string, catalogue: readonly string[]): Problem =>
  problem(path, `no release ${quote(id)}; the catalogue has ${listed(catalogue)}`);

const pinNamesARelease: Rule = ({ release, catalogue }) =>
  catalogue.includes(release) ? [] : [noRelease(["release"], release, catalogue)];

const pinsNameReleases: Rule = ({ pins, catalogue }) => {
  const known = new Set(catalogue);
  return Object.entries(pins).flatMap(([at, id]) => (known.has(id) ? [] : [noRelease(["pins", at], id, catalogue)]));
};

const pinsNameEntries: Rule = ({ pins, releases }) =>
  Object.entries(pins).flatMap(([path, id]) => {
    const release = releases.get(id);
    const [facet, name] = path.split("/");
    const known = facets.find((each) => each === facet);
    if (release === undefined || known === undefined || name === undefined || has(release[known], name)) return [];
    return [
      problem(["pins", path], `release ${id} has no ${path}; it has ${listed(Object.keys(release[known] ?? {}))}`),
    ];
  });

const environmentHasWhatReleasesName: Rule = (settings) => {
  const { environment } = settings;
  const known = {
    services: new Set(Object.keys(environment.services ?? {})),
    functions: new Set(Object.keys(environment.functions ?? {})),
    config: new Set(Object.keys(environment.database?.tables ?? {})),
    storage: new Set(Object.keys(environment.objectStore?.buckets ?? {})),
    toggles: new Set<string>(environment.toggles),
  };
  return eachRelease(settings, (release, at) =>
    facets.flatMap((facet) =>
      Object.keys(release[facet] ?? {})
        .filter((name) => !known[facet].has(name))
        .map((name) =>
          problem(
            [...at, facet, name],
            `the environment ${environment.name} has no such entry; it has ${listed([...known[facet]])}`,
          ),
        ),
    ),
  );
};

/** Both become containers, and a container is known by its name alone. */
const workloadsHaveNamesOfTheirOwn: Rule = ({ environment }) =>
  Object.keys(environment.functions ?? {})
    .filter((name) => has(environment.services, name))
    .map((name) => problem(["environment", "functions", name], `a service has the name ${name} already`));

const imagesArePinned: Rule = (settings) =>
  settings.environment.kind === "local"
    ? []
    : eachRelease(settings, (release, at) =>
        (["services", "functions"] as const).flatMap((facet) =>
          Object.entries(release[facet] ?? {})
            .filter(([, { image }]) => !image.includes("@sha256:"))
            .map(([name, { image }]) =>
              problem(
                [...at, facet, name, "image"],
                `expected name@sha256:<64 hex>, got ${quote(image)}: a tag floats`,
              ),
            ),
        ),
      );

const rowsFitTheirTable: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.config ?? {}).flatMap(([name, { rows }]) => {
      const table = settings.environment.database?.tables[name];
      if (table === undefined) return [];
      const seen = new Set<string>();
      return rows.flatMap((row, index) => rowProblems(row, table, seen, [...at, "config", name, "rows", index]));
    }),
  );

function rowProblems(row: Row, table: Table, seen: Set<string>, at: PropertyKey[]): Problem[] {
  const columns = Object.entries(row).flatMap(([column, value]) => {
    const type = table.columns[column];
    if (type === undefined) {
      return [problem([...at, column], `no such column; the table has ${listed(Object.keys(table.columns))}`)];
    }
    return columnFits(type, value) ? [] : [problem([...at, column], `expected ${type}, got ${quote(value)}`)];
  });
  const missing = Object.keys(table.columns)
    .filter((column) => column !== table.key && !Object.hasOwn(row, column))
    .map((column) => problem([...at, column], "expected a value: a row pins every column of its table"));
  columns.push(...missing);
  if (row[table.key] === undefined || row[table.key] === null) {
    return [...columns, problem(at, `the key column ${table.key} is missing`)];
  }
  const key = keyOf(row, table);
  const repeated = seen.has(key) ? [problem(at, `a second row with ${table.key} ${quote(key)}`)] : [];
  seen.add(key);
  return [...columns, ...repeated];
}

const tablesHaveTheirColumns: Rule = ({ environment }) =>
  Object.entries(environment.database?.tables ?? {}).flatMap(([name, table]) => {
    const at = ["environment", "database", "tables", name];
    const type = has(table.columns, table.key) ? table.columns[table.key] : undefined;
    if (type === undefined) return [problem([...at, "key"], `no column ${table.key} among the columns`)];
    if (!["text", "integer", "bigint"].includes(type)) {
      return [problem([...at, "key"], `expected a key of type text, integer or bigint, got ${type}`)];
    }
    const { touched } = table;
    return touched !== undefined && has(table.columns, touched)
      ? [problem([...at, "touched"], `${touched} is moved by Rewind, so no release can pin it`)]
      : [];
  });

const principalsAreKnown: Rule = (settings) =>
  eachRelease(settings, (release, at) =>
    Object.entries(release.storage ?? {}).flatMap(([name, { policy }]) =>
      policy.Statement.flatMap((statement, index) =>
        textsIn(statement)
          .flatMap(variablesIn)
          .filter((variable) => variable !== "bucket" && !principalIsKnown(settings, variable))
          .map((variable) =>
            problem([...at, "storage", name, "policy", "Statement", index], `nothing is known as \${${variable}}`),
          ),
      ),
    ),
  );

function principalIsKnown({ environment }: Settings, variable: string): boolean {
  const [, name] = /^principal\.(.+)$/.exec(variable) ?? [];
  return name !== undefined && has(environment.objectStore?.principals, name);
}

const secretsAreThere: Rule = ({ environment, verification, secrets }) => {
  const wanted: [readonly PropertyKey[], string][] = [];
  for (const facet of ["services", "functions"] as const) {
    for (const [name, workload] of Object.entries(environment[facet] ?? {})) {
      for (const [variable, secret] of Object.entries(workload.secrets ?? {})) {
        wanted.push([["environment", facet, name, "secrets", variable], secret]);
      }
    }
  }
  const { database, objectStore, caches } = environment;
  if (database !== undefined) {
    wanted.push([["environment", "database", "administrator", "password"], database.administrator.password]);
    wanted.push([["environment", "database", "role", "password"], database.role.password]);
  }
  for (const identity of ["credentials", "stranger"] as const) {
    for (const [key, secret] of Object.entries(objectStore?.[identity] ?? {})) {
      wanted.push([["environment", "objectStore", identity, key], secret]);
    }
  }
  for (const [name, { url }] of Object.entries(caches ?? {}))
    wanted.push([["environment", "caches", name, "url"], url]);
  for (const [name, definition] of Object.entries(verification?.checks ?? {})) {
    for (const [at, { bearer }] of requestsOf(definition)) {
      if (bearer !== undefined) wanted.push([["verification", "checks", name, ...at, "bearer"], bearer]);
    }
  }
  return wanted
    .filter(([, secret]) => !secrets.includes(secret))
    .map(([path, secret]) =>
      problem(path, `no secret ${quote(secret)}; type: pulumi config set --secret --path 'rewind:secrets.${secret}'`),
    );
};

/** The HTTP requests of a check, each with its path inside the definition. */
function requestsOf(
  definition: CheckDefinition,
): [PropertyKey[], Omit<Request, "capture"> & Pick<Request, "capture">][] {
  if (definition.kind === "http") return [[[], definition]];
  if (definition.kind === "journey") return definition.steps.map((step, index) => [["steps", index], step]);
  return [];
}

const checksAskForWhatIsThere: Rule = (settings) => {
  // Without all that is pinned, checks would seem to ask for what is not there.
  if ([settings.release, ...Object.values(settings.pins)].some((id) => !settings.releases.has(id))) return [];
  return Object.entries(settings.verification?.checks ?? {}).flatMap(([name, definition]) => {
    const at = ["verification", "checks", name];
    const { facets: pinned } = settings.pinned;
    switch (definition.kind) {
      case "row": {
        const table = settings.environment.database?.tables[definition.table];
        const rows = pinned.config[definition.table]?.rows ?? [];
        const found = table !== undefined && rows.some((row) => keyOf(row, table) === definition.key);
        return found ? [] : [problem(at, `the pinned release has no row ${definition.table}/${definition.key}`)];
      }
      case "policy":
        return has(pinned.storage, definition.bucket)
          ? []
          : [problem([...at, "bucket"], `the pinned release has no policy for ${quote(definition.bucket)}`)];
      case "sql":
        return settings.environment.database === undefined ? [problem(at, "the environment has no database")] : [];
      case "http":
      case "journey":
        return journeyProblems(settings, definition, at);
    }
  });
};

function journeyProblems(settings: Settings, definition: CheckDefinition, at: PropertyKey[]): Problem[] {
  const captured = new Set<string>();
  const { pinned, environment } = settings;
  return requestsOf(definition).flatMap(([inside, request]) => {
    const [facet, name] = request.to.split("/") as ["services" | "functions", string];
    const target = has(pinned.facets[facet], name)
      ? []
      : [problem([...at, ...inside, "to"], `the pinned release has no ${request.to}`)];
    const port = environment[facet]?.[name];
    const reachable =
      target.length === 0 && port !== undefined && port.port === undefined
        ? [problem([...at, ...inside, "to"], `${request.to} has no port in the environment`)]
        : [];
    const texts = textsIn([request.path, request.body, request.expect.json]);
    const unknown = texts
      .flatMap(variablesIn)
      .filter((variable) => !captured.has(variable) && pinnedValue(settings, variable) === undefined)
      .map((variable) => problem([...at, ...inside], `nothing is known as \${${variable}}`));
    for (const variable of Object.keys(request.capture ?? {})) captured.add(variable);
    return [...target, ...reachable, ...unknown];
  });
}

/**
 * What a check may ask of the pin: `release`, or `config.TABLE.KEY.COLUMN` for a pinned value.
 * @returns the value as text, undefined when the pin has none
 */
export function pinnedValue(
  { pinned, environment }: Pick<Settings, "pinned" | "environment">,
  variable: string,
): string | undefined {
  if (variable === "release") return pinned.release;
  const [, table = "", key, column = ""] = /^config\.([^.]+)\.(.+)\.([^.]+)$/.exec(variable) ?? [];
  const known = environment.database?.tables[table];
  if (known === undefined) return undefined;
  const value = pinned.facets.config[table]?.rows.find((row) => keyOf(row, known) === key)?.[column];
  if (value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The cross-field rules, in the order in which their problems are listed. */
export const rules: readonly { readonly rule: Rule; readonly needs: readonly Part[] }[] = [
  { rule: pinNamesARelease, needs: ["release", "releases"] },
  { rule: pinsNameReleases, needs: ["releases"] },
  { rule: pinsNameEntries, needs: [] },
  { rule: environmentHasWhatReleasesName, needs: ["environment"] },
  { rule: workloadsHaveNamesOfTheirOwn, needs: ["environment"] },
  { rule: imagesArePinned, needs: ["environment"] },
  { rule: tablesHaveTheirColumns, needs: ["environment"] },
  { rule: rowsFitTheirTable, needs: ["environment"] },
  { rule: principalsAreKnown, needs: ["environment"] },
  { rule: secretsAreThere, needs: ["environment", "secrets"] },
  { rule: checksAskForWhatIsThere, needs: ["release", "pins", "releases", "environment"] },
];

import { qualified } from "../rows/sql";
import { conninfo } from "../recovery/server";
import type { Plan, PlannedPin } from "../release/plan";
import type { Settings } from "../release/parse";
import { onDocker, runtimeOf } from "../release/runtime";
import { canonicalJson } from "../release/canonical";

/** A step of the manual procedure. */
export interface Step {
  readonly what: string;
  /** Lines for a POSIX shell in the project's folder, none of which needs `rewind`. */
  readonly commands: readonly string[];
  /** Whether the step is always taken; otherwise `what` says when. */
  readonly always: boolean;
}

/** What the procedure builds on besides the plan. */
export interface ByHandFacts {
  /** The stack file, and the pins in it, as they are now. */
  readonly file: string;
  readonly settings: Pick<Settings, "environment" | "pins">;
  /** The stack file in the last backup; undefined where there is none. */
  readonly kept: string | undefined;
  /** While the stack is stopped: the log, where it is a file, and the line of it that ends the stop. */
  readonly stop: { readonly log: string | undefined; readonly line: string } | undefined;
}

/** A rollback step by step, with nothing but the engine and what looks at a stack anyway. */
export function byHand(plan: Plan, facts: ByHandFacts): Step[] {
  const { file, kept, stop } = facts;
  const onStack = `--stack ${plan.stack}`;
  const always = (what: string, ...commands: string[]): Step => ({ what, commands, always: true });
  const onlyIf = (what: string, ...commands: string[]): Step => ({ what: `Only if ${what}`, commands, always: false });
  const apply = [`pulumi preview --diff ${onStack}`, `pulumi up --yes --skip-preview ${onStack}`];
  return [
    always(
      "Keep the state and the stack file as they are now",
      `pulumi stack export ${onStack} --file ${plan.stack}.state.json`,
      `cp ${file} ${file}.before`,
    ),
    ...(kept === undefined
      ? []
      : [onlyIf("the stack file itself is damaged: the one of the last backup", `cp ${quoted(kept)} ${file}`)]),
    onlyIf(
      "the engine says that the stack is locked, and whoever it names does not work on it any more",
      `pulumi cancel --yes ${onStack}`,
    ),
    ...(stop === undefined
      ? []
      : [
          always(
            "End the emergency stop",
            // Into a store nobody writes by hand.
            stop.log === undefined
              ? `rewind start --reason "rolled back by hand" ${onStack}`
              : `echo ${quoted(stop.line)} >> ${quoted(stop.log)}`,
          ),
        ]),
    always(`Pin ${plan.to.release}`, ...pinning(plan.stack, plan.to, facts.settings.pins)),
    always("Read what would change, and change it; what is not verified fails", ...apply),
    always("Look at what runs", `pulumi stack output verified ${onStack}`, ...looks(plan, facts)),
    // An update that stopped half-way has pinned the target already, so the file of before leads nowhere else.
    ...(plan.from.release === plan.to.release
      ? []
      : [
          onlyIf(
            `it does not work, to go back to ${plan.from.release}`,
            ...pinning(plan.stack, plan.from, plan.to.pins),
            ...apply,
          ),
        ]),
  ];
}

/** @param present what is pinned apart until then */
function pinning(stack: string, { release, pins }: PlannedPin, present: PlannedPin["pins"]): string[] {
  const apart =
    canonicalJson(present) === canonicalJson(pins)
      ? []
      : [
          `pulumi config rm rewind:pins --stack ${stack}`,
          ...Object.entries(pins).map(
            ([path, id]) =>
              `pulumi config set --path ${quoted(`rewind:pins[${JSON.stringify(path)}]`)} ${id} --stack ${stack}`,
          ),
        ];
  return [...apart, `pulumi config set rewind:release ${release} --stack ${stack}`];
}

/** Containers, rows and health, as far as they can be asked from a shell. */
function looks({ changes }: Plan, { settings }: ByHandFacts): string[] {
  const { docker, name, database, proxy, routes = {} } = settings.environment;
  const host = docker === undefined ? "" : ` --host ${quoted(docker.host)}`;
  const onEngine = onDocker(settings.environment, "services") || onDocker(settings.environment, "functions");
  const tables = changes.flatMap(({ facet, entry }) => {
    const table = facet === "config" ? database?.tables[entry] : undefined;
    return table === undefined ? [] : [qualified({ schema: table.schema ?? database?.schema ?? "", name: entry })];
  });
  return [
    ...(onEngine ? [`docker${host} ps --filter label=rewind.stack=${name} --format ${quoted(containerLine)}`] : []),
    ...(runtimeOf(settings.environment, "services") === "swarm"
      ? [`docker${host} service ls --filter label=rewind.stack=${name}`]
      : []),
    ...(database === undefined
      ? []
      : tables.map(
          (table) =>
            `psql --host ${quoted(database.host)} --port ${database.port} --username ${quoted(database.administrator.user)} ${quoted(conninfo(database.name))} --command ${quoted(`select * from ${table} order by 1 limit 100`)}`,
        )),
    ...(proxy === undefined
      ? []
      : Object.values(routes).flatMap(({ smoke }) =>
          smoke.map(({ path }) => `curl --fail --silent --show-error ${quoted(`${proxy.url}${path}`)}`),
        )),
  ];
}

const containerLine = "{{.Names}} {{.Image}} {{.Status}}";

/** The steps for people, numbered. */
export function byHandText({ stack, from, to, warnings }: Plan, steps: readonly Step[]): string {
  const lines = steps.flatMap(({ what, commands }, at) => [
    `${String(at + 1).padStart(2)}. ${what}:`,
    ...commands.map((command) => `      ${command}`),
  ]);
  const way = from.release === to.release ? `on to ${to.release}` : `${from.release} → ${to.release}`;
  const head = `By hand, without rewind: ${stack}, ${way}`;
  const warned = warnings.map((line) => `Warning: ${line}`);
  return [head, ...warned, "In the project's folder, with the variables that pulumi needs:", ...lines].join("\n");
}

/** A word as a POSIX shell takes it, whatever it holds. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

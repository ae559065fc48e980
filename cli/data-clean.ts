import { tableExists } from "../rows/table";
import { countByVersion, newestRows, type LocatedStamped } from "../checks/stamped";
import { describeError } from "../checks/probe";
import { readOnly } from "../checks/sql";
import type { Entry } from "../records/entry";
import { pinnedSince } from "../records/state";
import { objectiveOf } from "../release/objectives";
import type { Risk } from "../release/risk";
import { refuseWhileStopped } from "./apply";
import { cleanRows } from "./data-archive";
import { patience, tableOf } from "./data-list";
import { recorded } from "./data-recorded";
import { momentOf, stampedNamed } from "./data-since";
import { exitCodes } from "./exit-codes";
import { against } from "./parts";
import { coloured } from "./report";
import type { DataCleanJson } from "./json/data";
import { refuseUnrequested } from "./request";
import { Refusal, type Tell, type VerbResult } from "./result";
import { open, withClients, type OpenedStack, type Where } from "./stack";
import { counted } from "../release/text";

/** What the caller wants cleaned up. */
export interface CleanOptions {
  /** The stamped table, as the environment names it. */
  readonly name: string;
  readonly madeBy: string;
  /** A time, or an entry of the deployment log; when the pin was applied unless said. */
  readonly since: string | undefined;
  readonly reason: string | undefined;
  /** Whether the caller knows the count; the answer is a no when it is another one, or nobody gave any. */
  readonly confirm: (question: string, count: number) => Promise<boolean>;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

const risk: Risk = "medium";
const shown = 10;

/**
 * `rewind data clean <name> --made-by <version>`: counts and shows the rows that a version made after a time, asks for
 * the count, archives them whole and deletes them in one transaction.
 * @throws Refusal when nothing was touched
 */
export async function cleanData(where: Where, options: CleanOptions): Promise<VerbResult<DataCleanJson>> {
  const { name, madeBy, reason, tell, confirm, signal } = options;
  const stack = await open(where);
  refuseWhileStopped(stack);
  const located = stampedNamed(stack.settings, name);
  refuseProduction(stack, name);
  const since = lowerBound(stack, options);
  const filter = { madeBy, since };
  const table = `${located.schema}.${located.name}`;
  const { count, rows } = await found(stack, located, filter, name);
  const subject = `${counted(count, "row")} of ${table} made by ${madeBy} after ${since}`;
  const common = { stack: stack.engine.name, name, table, madeBy, since, count, risk };
  if (count === 0) return { code: exitCodes.ok, text: `No ${subject.slice(2)}.`, json: { ...common, outcome: "none" } };
  tell([subject, ...tableOf(rows), ...(count > rows.length ? [`  … and ${count - rows.length} more`] : [])].join("\n"));
  refuseUnrequested(
    stack,
    `data clean: archive and delete ${subject}, by its columns ${located.version} and ${located.created}`,
  );
  const question = `Risk: ${risk}, data clean-up. Archive and delete ${subject}?`;
  if (!(await confirm(question, count)) || signal.aborted) {
    return {
      code: exitCodes.refused,
      text: "Aborted; nothing was touched.",
      json: { ...common, outcome: "refused", aborted: true },
    };
  }
  const run = stack.log.nextId();
  const change = { kind: "data", act: "clean", run, table, count, madeBy, since } as const;
  const begun = { ...change, step: "begun", id: run, ...(reason === undefined ? {} : { reason }) } as const;
  const { by } = stack.log.append(begun);
  const started = performance.now();
  await recorded(stack, change, `rewind data list ${name}`, () =>
    cleanRows(stack, located, { run, by, filter, count }),
  );
  const milliseconds = Math.round(performance.now() - started);
  const objective = objectiveOf(stack.settings.objectives, "data");
  const text = [
    coloured("green", `CLEANED UP: ${subject}, archived in rewind.cleaned_rows`),
    `Took ${against(milliseconds, objective)}`,
    `deployment log: ${stack.log.location} entry ${run}`,
    `Undo: rewind data restore ${run}`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: { ...common, outcome: "cleaned", run, milliseconds, objective } };
}

function refuseProduction({ settings }: OpenedStack, name: string): void {
  const { kind, database } = settings.environment;
  if (kind !== "production" || database?.stamped?.[name]?.cleanInProduction !== undefined) return;
  throw new Refusal(
    `rows of ${name} are not cleaned up on a production stack unless the stack file allows it; nothing was touched`,
    `environment.database.stamped.${name}.cleanInProduction: "<the reason>"`,
  );
}

/** There always is one: rows from before a rollback are what customers had. */
function lowerBound({ log }: OpenedStack, { since }: CleanOptions): string {
  const entries: readonly Entry[] = log.entries();
  const moment = momentOf(since, entries) ?? pinnedSince(entries);
  if (moment !== undefined) return moment;
  throw new Refusal("the deployment log has no deployment after which rows could have been made", "--since <time>");
}

function found(
  stack: OpenedStack,
  located: LocatedStamped,
  filter: { readonly madeBy: string; readonly since: string },
  name: string,
) {
  return withClients(stack, async (clients, redact) => {
    try {
      return await readOnly(clients.database(), patience, async (client) => {
        if (!(await tableExists(client, located))) throw new Error("there is no such table");
        const counts = await countByVersion(client, located, filter);
        return { count: counts[0]?.count ?? 0, rows: await newestRows(client, located, filter, shown) };
      });
    } catch (error) {
      throw new Refusal(
        `${name}: ${redact(describeError(error))}; nothing was touched`,
        `environment.database.stamped.${name} says where`,
      );
    }
  });
}

import { pathOfSteps } from "../release/property-path";
import type { Pool } from "pg";
import type { Settings } from "../release/parse";
import { pinnedValue } from "../release/pinned-value";
import { milliseconds } from "../release/primitives";
import type { Stamps } from "../release/schema/stamped";
import type { Measurement } from "./probe";
import { tableExists } from "../rows/table";
import { readOnly } from "./sql";
import { countByVersion, locatedStamped } from "./stamped";

/**
 * Whether rows were made by another version than the pinned one since the pin was applied, or since a later time that
 * the check names. Rows from before do not count: a rollback is not blamed for what it rolled back.
 *
 * @param runsSince when the pinned release was applied, ISO 8601
 */
export async function measureStamps(
  pool: Pool,
  settings: Pick<Settings, "environment" | "pinned">,
  definition: Stamps,
  runsSince: string | undefined,
  timeout: number,
): Promise<Measurement> {
  const located = locatedStamped(settings, definition.of);
  if (located === undefined) throw new Error(`the environment has no stamped table ${definition.of}`);
  const { table, key, column = "value" } = definition.pinned;
  const pinned = pinnedValue(settings, pathOfSteps("config", table, key, column));
  if (pinned === undefined) throw new Error(`the pinned release has no row ${table}/${key}`);
  return readOnly(pool, timeout, async (client) => {
    if (!(await tableExists(client, located))) {
      return { result: "failed", evidence: `there is no table ${located.schema}.${located.name}` };
    }
    const { rows } = await client.query<{ now: Date }>("select now() as now");
    const since = lookedAtFrom(definition, runsSince, rows[0]?.now ?? new Date());
    const counts = await countByVersion(client, located, since === undefined ? {} : { since });
    const others = counts.filter(({ version }) => version !== pinned);
    const stray = others.reduce((sum, { count }) => sum + count, 0);
    const words = `${definition.of} since ${since ?? "the beginning"}`;
    const told = counts.map(({ version, count }) => `${version ?? "no version"} made ${count}`).join(", ");
    const most = definition.atMost ?? 0;
    return stray > most
      ? { result: "failed", evidence: `${words}: ${told}; pinned is ${pinned}, others may have made ${most}` }
      : { result: "passed", evidence: `${words}: ${told === "" ? `no rows; pinned is ${pinned}` : told}` };
  });
}

/** The latest of the times from which rows are looked at, in ISO 8601; undefined when there is none. */
export function lookedAtFrom(
  { since, within, grace }: Pick<Stamps, "since" | "within" | "grace">,
  runsSince: string | undefined,
  now: Date,
): string | undefined {
  const times = [
    ...(since === undefined ? [] : [Date.parse(since)]),
    ...(within === undefined ? [] : [now.getTime() - milliseconds(within)]),
    ...(runsSince === undefined ? [] : [Date.parse(runsSince) + (grace === undefined ? 0 : milliseconds(grace))]),
  ];
  return times.length === 0 ? undefined : new Date(Math.max(...times)).toISOString();
}

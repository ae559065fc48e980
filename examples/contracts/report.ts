import { writeFileSync } from "node:fs";
import { judge, type Check } from "../../release/verdict";
import { checksOf, measureBackend } from "./benchmark";
import { operations, validateOnly } from "./chain/operate";
import type { Urls } from "./chain/client";
import { expectedContracts, networks } from "./fleet";
import { storeOf, type Backend, type Home } from "./home";
import { inspect, tryCrud } from "./inspect";
import { DeploymentRecord } from "./record";
import { stopOf } from "./stop";
import { aspects, countOf } from "./validate";

/** What is looked at after a rollback. */
export interface Validation {
  readonly backend: Backend;
  readonly contracts: number;
  readonly networks: number;
  readonly integrity: readonly Check[];
  readonly operations: readonly Check[];
  readonly performance: readonly Check[];
}

/** Measures everything that the plan wants to see validated after a rollback. */
export async function validation(home: Home, backend: Backend, urls: Urls, now: Date): Promise<Validation> {
  const store = storeOf(home, backend);
  const { checks, read } = await inspect(store, aspects, now);
  const tried = [await tryCrud(store)];
  for (const network of networks) {
    for (const operation of operations) tried.push(await validateOnly(operation, network, read, urls));
  }
  const records = [...read.values()].flatMap((ofNetwork) =>
    ofNetwork instanceof Error ? [] : [...ofNetwork.values()].flatMap((value) => validRecord(value)),
  );
  const measured = await measureBackend(backend, records, 30, home.folder);
  return { backend, ...countOf(read), integrity: checks, operations: tried, performance: checksOf(backend, measured) };
}

const validRecord = (value: unknown): DeploymentRecord[] => {
  const parsed = DeploymentRecord.safeParse(value);
  return parsed.success ? [parsed.data] : [];
};

/** The five lines by which the plan tells a rollback that succeeded. */
export function rollbackChecks({ backend, contracts, integrity, operations }: Validation): Check[] {
  const of = (name: string, checks: readonly Check[], evidence: string): Check => {
    const { result } = judge(checks);
    const worst = checks.find((check) => check.result === result);
    return {
      name,
      result,
      evidence: result === "passed" ? evidence : (worst?.evidence ?? ""),
      milliseconds: 0,
      attempts: 1,
    };
  };
  const named = (text: string) => integrity.filter(({ name }) => name.includes(text));
  const [crud, ...deployments] = operations;
  return [
    of(`${backend} accessible and responsive`, named("readable"), "every record was read"),
    of(`all ${expectedContracts} contracts detected`, named("contracts and networks"), `${contracts} contracts`),
    of("records can be created, read, updated, deleted", crud === undefined ? [] : [crud], crud?.evidence ?? ""),
    of("deployment functions would succeed", deployments, `${deployments.length} tried in validate-only mode`),
    of("cross-network consistency maintained", named("consistency"), "the same code on every network"),
  ];
}

/** The validation report, in Markdown. It is kept in the incident's folder where there is an incident. */
export function reportOf(home: Home, incident: string | undefined, found: Validation, now: Date): string {
  const { backend, contracts, networks: on, integrity, operations, performance } = found;
  const all = judge([...integrity, ...operations, ...performance]);
  const stop = stopOf(home);
  const passed = integrity.filter(({ result }) => result === "passed").length;
  const failed = all.checks.filter(({ result }) => result !== "passed");
  const lines = [
    "# Rollback validation report",
    "",
    `- Report generated: ${now.toISOString()}`,
    `- Incident: ${incident ?? "none"}`,
    `- System status: ${all.result === "passed" && stop === undefined ? "operational" : "not operational"}`,
    `- Backend: ${backend}`,
    `- Contracts: ${contracts}/${expectedContracts}`,
    `- Networks: ${on}/${networks.length}`,
    `- Performance: ${judge(performance).result === "passed" ? "within the expected ranges" : "outside the expected ranges"}`,
    `- Data integrity: ${Math.floor((passed / integrity.length) * 100)} %`,
    `- Emergency stop: ${stop === undefined ? "lifted" : `stands since ${stop.at}: ${stop.reason}`}`,
    `- Actions required: ${failed.length === 0 ? "none" : ""}`,
    ...failed.map(({ name, evidence }) => `  - ${name}: ${evidence}`),
    ...section("Data integrity", integrity),
    ...section("Operations", operations),
    ...section("Performance", performance),
    "",
  ];
  const text = lines.join("\n");
  if (incident !== undefined) writeFileSync(`${home.incident(incident)}/validation-report.md`, text);
  return text;
}

const section = (title: string, checks: readonly Check[]): string[] => [
  "",
  `## ${title}`,
  "",
  "| check | result | evidence |",
  "| --- | --- | --- |",
  ...checks.map(({ name, result, evidence }) => `| ${name} | ${result} | ${evidence.replaceAll("|", "\\|")} |`),
];

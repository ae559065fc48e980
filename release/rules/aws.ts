import { milliseconds } from "../primitives";
import type { Problem } from "../problems";
import { nameOnAws, runtimeOf } from "../runtime";
import type { Workload } from "../schema/workloads";
import { eachRelease, has, listed, problem, type Rule } from "./rule";

const facets = ["services", "functions"] as const;

/** What a runtime runs on must be in the environment. */
export const runtimesHaveTheirPlace: Rule = ({ environment }) => {
  const wanted = new Map<"docker" | "aws" | "ecs" | "lambda", string>();
  const used = facets.filter((facet) => environment[facet] !== undefined || environment.runtime?.[facet] !== undefined);
  for (const facet of used) {
    const runtime = runtimeOf(environment, facet);
    if (runtime === "ecs" || runtime === "lambda") wanted.set(runtime, runtime).set("aws", runtime);
    else wanted.set("docker", runtime);
  }
  return [...wanted]
    .filter(([part]) => environment[part] === undefined)
    .map(([part, runtime]) => problem(["environment", part], `missing: the runtime ${runtime} needs it`));
};

/** A container says itself whether it is well; on Lambda nobody asks. */
export const containersHaveHealthchecks: Rule = ({ environment }) =>
  facets.flatMap((facet) =>
    runtimeOf(environment, facet) === "lambda"
      ? []
      : Object.entries(environment[facet] ?? {})
          .filter(([, { healthcheck }]) => healthcheck === undefined)
          .map(([name]) => problem(["environment", facet, name, "healthcheck"], "missing: a container needs one")),
  );

/** A function is an image or a bundle; a bundle says how it is entered, and only Lambda can run it. */
export const functionsAreImageOrBundle: Rule = (settings) => {
  const { environment } = settings;
  const onLambda = runtimeOf(environment, "functions") === "lambda";
  return eachRelease(settings, (release, at) =>
    Object.entries(release.functions ?? {}).flatMap(([name, { image, bundle, handler, runtime }]) => {
      const path = [...at, "functions", name];
      if (bundle === undefined) {
        if (image === undefined) return [problem(path, "expected an image or a bundle")];
        return handler === undefined && runtime === undefined
          ? []
          : [problem(path, "handler and runtime belong to a bundle, and this is an image")];
      }
      const problems: Problem[] = [];
      if (image !== undefined) problems.push(problem(path, "expected an image or a bundle, got both"));
      if (handler === undefined) problems.push(problem([...path, "handler"], "missing: a bundle needs one"));
      if (runtime === undefined) problems.push(problem([...path, "runtime"], "missing: a bundle needs one"));
      if (!onLambda) {
        problems.push(
          problem([...path, "bundle"], "only Lambda runs a bundle; set environment.runtime.functions: lambda"),
        );
      } else if (environment.lambda !== undefined && environment.lambda.bundles === undefined) {
        problems.push(problem(["environment", "lambda", "bundles"], `missing: functions/${name} is a bundle`));
      }
      return problems;
    }),
  );
};

/** How much memory, in MiB, Fargate gives to a number of CPU units: from, to, in steps of. */
const fargate: Readonly<Record<number, readonly [number, number, number]>> = {
  256: [512, 2_048, 512],
  512: [1_024, 4_096, 1_024],
  1024: [2_048, 8_192, 1_024],
  2048: [4_096, 16_384, 1_024],
  4096: [8_192, 30_720, 1_024],
  8192: [16_384, 61_440, 4_096],
  16384: [32_768, 122_880, 8_192],
};

/** What ECS would refuse in the middle of a change: sizes that Fargate has not, health checks out of its bounds. */
export const ecsCanRunServices: Rule = ({ environment }) =>
  runtimeOf(environment, "services") !== "ecs"
    ? []
    : Object.entries(environment.services ?? {}).flatMap(([name, workload]) => {
        const at = ["environment", "services", name];
        const { memory, cpu = 256 } = workload;
        const [from, to, step] = fargate[cpu] ?? [0, 0, 1];
        const sizes =
          memory < from || memory > to || memory % step !== 0 || (cpu === 256 && memory === 1_536)
            ? [problem([...at, "memory"], `Fargate has no ${memory} MiB with ${cpu} CPU units; from ${from} to ${to}`)]
            : [];
        return [...sizes, ...healthcheckProblems(workload, at)];
      });

const bounds = { interval: [5, 300], timeout: [2, 60], startPeriod: [0, 300] } as const;

function healthcheckProblems({ healthcheck }: Workload, at: readonly string[]): Problem[] {
  if (healthcheck === undefined) return [];
  const times = (["interval", "timeout", "startPeriod"] as const).flatMap((key) => {
    const given = healthcheck[key];
    if (given === undefined) return [];
    const [from, to] = bounds[key];
    const seconds = milliseconds(given) / 1_000;
    return Number.isInteger(seconds) && seconds >= from && seconds <= to
      ? []
      : [problem([...at, "healthcheck", key], `expected whole seconds from ${from}s to ${to}s on ECS, got ${given}`)];
  });
  const { retries = 3 } = healthcheck;
  return retries <= 10
    ? times
    : [...times, problem([...at, "healthcheck", "retries"], `expected at most 10 on ECS, got ${retries}`)];
}

/** What Lambda would refuse in the middle of a change. */
export const lambdaCanRunFunctions: Rule = ({ environment }) => {
  if (runtimeOf(environment, "functions") !== "lambda") return [];
  const { subnets, securityGroups } = environment.lambda ?? {};
  const network =
    (subnets === undefined) === (securityGroups === undefined)
      ? []
      : [problem(["environment", "lambda"], "subnets and securityGroups go together")];
  const functions = Object.entries(environment.functions ?? {}).flatMap(
    ([name, { memory, executionTimeout = "30s" }]) => {
      const at = ["environment", "functions", name];
      const called = nameOnAws(environment, name);
      const seconds = milliseconds(executionTimeout) / 1_000;
      return [
        ...(called.length > 64 ? [problem(at, `${called} is longer than the 64 characters that Lambda takes`)] : []),
        ...(memory < 128 || memory > 10_240
          ? [problem([...at, "memory"], `expected 128 to 10240 MiB on Lambda, got ${memory}`)]
          : []),
        ...(Number.isInteger(seconds) && seconds <= 900
          ? []
          : [problem([...at, "executionTimeout"], `expected whole seconds, at most 900s, got ${executionTimeout}`)]),
      ];
    },
  );
  return [...network, ...functions];
};

/** Settings of buckets that AWS would refuse, or that would remove what nobody meant. */
export const awsSettingsOfBucketsHold: Rule = (settings) => {
  const { keys } = settings.environment.objectStore ?? {};
  return eachRelease(settings, (release, at) =>
    Object.entries(release.storage ?? {}).flatMap(([name, { encryption, lifecycle = [] }]) => {
      const path = [...at, "storage", name];
      const key = encryption?.key;
      const problems: Problem[] = [];
      if (key !== undefined && encryption?.algorithm !== "aws:kms") {
        problems.push(problem([...path, "encryption", "key"], "a key belongs to the algorithm aws:kms"));
      }
      if (key !== undefined && !has(keys, key)) {
        const known = listed(Object.keys(keys ?? {}));
        problems.push(
          problem([...path, "encryption", "key"], `no key ${key} in environment.objectStore.keys; it has ${known}`),
        );
      }
      const ids = new Set<string>();
      for (const [index, rule] of lifecycle.entries()) {
        const rulePath = [...path, "lifecycle", index];
        if (ids.has(rule.id)) problems.push(problem([...rulePath, "id"], `a second rule ${rule.id}`));
        ids.add(rule.id);
        const deeds = [rule.expire, rule.expireOldVersions, rule.abortUploads, rule.transitions?.[0]];
        if (deeds.every((deed) => deed === undefined)) problems.push(problem(rulePath, "a rule that does nothing"));
        if (rule.expire !== undefined && (rule.prefix ?? "") === "") {
          problems.push(
            problem([...rulePath, "prefix"], "missing: without it every object of the bucket would be removed"),
          );
        }
      }
      return problems;
    }),
  );
};

import { oneLine } from "../release/text";
import { interpolate, interpolateJson } from "../release/interpolate";
import { milliseconds } from "../release/primitives";
import type { Request } from "../release/schema/verification";
import { readBeginning } from "./bounded";
import type { Measurement } from "./probe";
import { fetchOutside } from "./outbound";

/** What a request needs to know beside its definition. */
export interface HttpContext {
  /** The base URL of a service or function, such as `http://127.0.0.1:32768`. Throws when it does not run. */
  addressOf(entry: string): Promise<string>;
  /** Whether it runs on the stack's own Docker engine, which is never asked through a proxy. */
  isInside?(entry: string): boolean;
  secret(name: string): string;
  /** The value of a pinned variable such as `config.scoring_config.results_version.value`. */
  pinned(variable: string): string | undefined;
}

const largestAnswer = 1024 * 1024;

/**
 * Sends the requests one after the other; a later one may use what an earlier one captured. The first answer that is
 * not as expected ends it.
 * @param captured what is known of earlier answers; what these requests capture is added
 * @returns passed with the last answer, or failed with the request and the answer that differed
 */
export async function measureRequests(
  requests: readonly Request[],
  context: HttpContext,
  signal: AbortSignal,
  captured = new Map<string, string>(),
): Promise<Measurement> {
  const valueOf = (name: string): string => captured.get(name) ?? context.pinned(name) ?? `\${${name}}`;
  let last = "";
  for (const request of requests) {
    const sent = {
      path: interpolate(request.path, (name) => encodeURIComponent(valueOf(name))),
      ...interpolateJson({ body: request.body, json: request.expect.json }, valueOf),
    };
    const line = `${request.method ?? "GET"} ${request.to}${sent.path}`;
    const address = await context.addressOf(request.to);
    const asked = performance.now();
    const send = context.isInside?.(request.to) ? fetch : fetchOutside;
    const response = await send(`${address}${sent.path}`, {
      method: request.method ?? "GET",
      headers: headersOf(request, context),
      redirect: "manual",
      signal,
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
    });
    const { bytes, whole } = await readBeginning(response.body, largestAnswer);
    const text = bytes.toString("utf8");
    const took = performance.now() - asked;
    const told = `${line} → ${response.status} ${brief(text)}`;
    if (response.status !== request.expect.status) {
      return { result: "failed", evidence: `${told}; expected ${request.expect.status}` };
    }
    if (!whole && (sent.json !== undefined || request.capture !== undefined)) {
      return { result: "failed", evidence: `${line} → ${response.status}, more than ${largestAnswer} bytes` };
    }
    const answer = parsed(text);
    const difference = sent.json === undefined ? undefined : firstDifference(sent.json, answer, "");
    if (difference !== undefined) return { result: "failed", evidence: `${line}: ${difference}` };
    const { within } = request.expect;
    if (within !== undefined && took > milliseconds(within)) {
      return { result: "failed", evidence: `${line}: took ${Math.round(took)} ms, expected within ${within}` };
    }
    for (const [name, path] of Object.entries(request.capture ?? {})) {
      const value = valueAt(answer, path);
      if (value === undefined) return { result: "failed", evidence: `${told}; the answer has no ${path}` };
      captured.set(name, typeof value === "string" ? value : JSON.stringify(value));
    }
    // An answer may hold what is nobody's business; one that is as expected is told by what was expected.
    last = `${line} → ${response.status}${sent.json === undefined ? "" : ` ${brief(JSON.stringify(sent.json))}`}`;
  }
  return { result: "passed", evidence: last };
}

function headersOf(request: Request, context: HttpContext): Record<string, string> {
  return {
    accept: "application/json",
    ...(request.body === undefined ? {} : { "content-type": "application/json" }),
    ...(request.bearer === undefined ? {} : { authorization: `Bearer ${context.secret(request.bearer)}` }),
  };
}

/** The first place where an answer lacks what was expected. Objects may hold more than is named, lists may not. */
export function firstDifference(expected: unknown, actual: unknown, path: string): string | undefined {
  if (typeof expected !== "object" || expected === null) {
    if (expected === actual) return undefined;
    return `${path || "the answer"} is ${brief(JSON.stringify(actual))}, expected ${brief(JSON.stringify(expected))}`;
  }
  if (typeof actual !== "object" || actual === null || Array.isArray(expected) !== Array.isArray(actual)) {
    return `${path || "the answer"} is ${brief(JSON.stringify(actual))}, expected ${brief(JSON.stringify(expected))}`;
  }
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length !== actual.length) {
    return `${path || "the answer"} has ${actual.length} items, expected ${expected.length}`;
  }
  for (const [key, value] of Object.entries(expected)) {
    const inner = Object.hasOwn(actual, key) ? (actual as Record<string, unknown>)[key] : undefined;
    const difference = firstDifference(value, inner, path === "" ? key : `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** The value at `a.b.0` of a JSON answer, undefined when there is none. */
export function valueAt(answer: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined,
      answer,
    );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `JSON.stringify` gives undefined for what is not there. */
const brief = (text: string | undefined): string => oneLine(text ?? "nothing");

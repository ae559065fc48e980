import { domainOf, type Response } from "./engine";
import { Refusal } from "./refusal";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const item = /^(?:prism|fc)\.[a-z]{1,20}\.(?:[1-9]|[1-9]\d)$/;
/** As many answers as one request may bring. */
export const responsesLimit = 200;

/** Whether a parsed JSON value is an object (and no array). */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses a session id in lower case; throws a Refusal (400) for anything but a UUID. */
export function parseSessionId(value: unknown): string {
  if (typeof value !== "string" || !uuid.test(value)) throw bad("session_id must be a UUID");
  return value.toLowerCase();
}

/** Parses `{session_id}` and nothing else. */
export function parseSessionRequest(body: unknown): string {
  return parseSessionId(onlyKey(body, "session_id"));
}

/**
 * Parses `{responses: [{item, value}]}`: items such as `prism.drive.3` (1 to 5) or `fc.order.1` (0 or 1), each once.
 * Throws a Refusal (400) that names the first wrong entry by its place, never by its content.
 */
export function parseResponses(body: unknown): Response[] {
  const list = onlyKey(body, "responses");
  if (!Array.isArray(list) || list.length === 0 || list.length > responsesLimit) {
    throw bad(`responses must be a list of 1 to ${responsesLimit} entries`);
  }
  const parsed = list.map((entry: unknown, index) => parseResponse(entry, `responses[${index}]`));
  if (new Set(parsed.map((response) => response.item)).size < parsed.length) {
    throw bad("responses names an item twice");
  }
  return parsed;
}

function parseResponse(entry: unknown, path: string): Response {
  if (!isObject(entry) || Object.keys(entry).some((key) => key !== "item" && key !== "value")) {
    throw bad(`${path} must be {item, value}`);
  }
  const { item: name, value } = entry;
  if (typeof name !== "string" || !item.test(name)) {
    throw bad(`${path}.item must look like prism.drive.3 or fc.order.1`);
  }
  const isPrism = domainOf(name, "prism") !== undefined;
  if (!isPrism && domainOf(name, "fc") === undefined) throw bad(`${path}.item names an unknown domain`);
  const [low, high] = isPrism ? [1, 5] : [0, 1];
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
    throw bad(`${path}.value must be a whole number from ${low} to ${high}`);
  }
  return { item: name, value };
}

/** The one key of a strict object: a misspelled key is an error, never silence. */
function onlyKey(body: unknown, key: string): unknown {
  if (!isObject(body) || Object.keys(body).some((other) => other !== key)) throw bad(`the body must be {${key}}`);
  return body[key];
}

function bad(message: string): Refusal {
  return new Refusal(400, "bad_request", message);
}

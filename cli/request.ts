import type { Entry, Requested, RequestApproved } from "../records/entry";
import { author } from "../records/log";
import { refusedBy, type Agreement } from "./agreement";
import { exitCodes } from "./exit-codes";
import type { ApproveJson } from "./json/rollback";
import { Refusal, type Tell, type VerbResult } from "./result";
import { refuseUnasked, validFor, whyNotAgreed } from "./second-person";
import { open, type OpenedStack, type Where } from "./stack";

/**
 * Refuses an act other than a rollback on a stack that asks for a second person, until that person has agreed to it. The
 * log keeps the request, and its id is what the second person agrees to.
 *
 * @param act all that it would do, in one sentence: another act needs another agreement
 * @throws Refusal
 */
export function refuseUnrequested(
  { log, settings, engine }: Pick<OpenedStack, "log" | "settings"> & { readonly engine: { readonly name: string } },
  act: string,
  now = new Date(),
): void {
  if (settings.approval === undefined) return;
  const entries = log.entries();
  const asked = entries.filter(isRequest).filter((request) => request.act === act);
  const given = entries.filter(
    (entry): entry is RequestApproved =>
      entry.kind === "request-approval" && asked.some((request) => request.id === entry.of),
  );
  const why = whyNotAgreed(given, settings, now, "this stack asks for a second person's agreement");
  if (why === undefined) return;
  const { id } = asked.findLast(({ by }) => by === author()) ?? log.append({ kind: "request", act });
  throw new Refusal(
    `${why}; nothing was touched: ${act}`,
    `somebody else: rewind approve --request ${id} --stack ${engine.name}; then the same command again`,
  );
}

const isRequest = (entry: Entry): entry is Requested => entry.kind === "request";

/**
 * `rewind approve --request <id>`: agrees to the request of another person; changes nothing.
 * @throws Refusal when the log has no such request, and on a stack that asks for no second person
 */
export async function approveRequest(
  where: Where,
  id: string,
  options: Agreement & { readonly tell: Tell },
): Promise<VerbResult<ApproveJson>> {
  const stack = await open(where);
  const { log, settings } = stack;
  refuseUnasked(stack, "rewind status");
  const requests = log.entries().filter(isRequest);
  const request = requests.find((each) => each.id === id);
  if (request === undefined) {
    const known = requests.slice(-3).map((each) => each.id);
    const last = known.at(-1);
    throw new Refusal(
      `nobody requested ${JSON.stringify(id)}; the log has ${known.join(", ") || "no request"}`,
      last === undefined ? "rewind status" : `rewind approve --request ${last}`,
    );
  }
  options.tell(`Requested by ${request.by} at ${request.at}: ${request.act}`);
  const refused = await refusedBy(stack, options, "Approve this?", `rewind approve --request ${id}`);
  if (refused !== undefined) return refused;
  const entry = log.append({ kind: "request-approval", of: id }) as RequestApproved;
  const text = [
    `Approved by ${entry.by}, for ${validFor(settings)}: ${request.act}`,
    `Recorded: ${log.location} entry ${entry.id}`,
    `Next:     somebody other than ${entry.by}: the same command again`,
  ].join("\n");
  return { code: exitCodes.ok, text, json: entry };
}

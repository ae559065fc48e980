/** The parts of the embedded environment, by the names that messages and `.rewind/` use. */
export const partNames = [
  "pulumi",
  "plugins",
  "docker",
  "registry",
  "postgres",
  "objectStore",
  "redis",
  "proxy",
] as const;
export type PartName = (typeof partNames)[number];

/**
 * Where a part came from. `machine`: it was there already. `vendor`: the vendor's own installer. `image`: the official
 * image. For a closed network: `npm` and `debian` are packages that carry it, `built` is built here with Go, `ours` is
 * a stand-in of this repository.
 */
export const sources = ["machine", "vendor", "image", "npm", "debian", "built", "ours"] as const;
export type Source = (typeof sources)[number];

/** What a source has to offer: the thing itself, or why not and the one command that would change that. */
export type Offer<T> = { readonly found: T } | { readonly lacks: string; readonly command?: string };

/** One place to look for a part. `find` may take minutes (a build); what it throws counts as a reason why not. */
export interface Candidate<T> {
  readonly source: Source;
  find(): Promise<Offer<T>>;
}

/** A part that this machine cannot have. `command` is the one command that would change that, if there is one. */
export class PartUnavailable extends Error {
  override readonly name = "PartUnavailable";
  constructor(
    readonly part: PartName,
    readonly reason: string,
    readonly command?: string,
  ) {
    super(`${part} cannot be had here: ${reason}.${command === undefined ? "" : ` Type: ${command}`}`);
  }
}

/** `up` was told to stop; what it had started is gone again. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor() {
    super("interrupted; what was started by this run has been stopped");
  }
}

/**
 * The first candidate, in the order given, that has the part. Later candidates are not asked once one has it.
 * @throws PartUnavailable with every candidate's reason when none has it; whatever ends an aborted search.
 */
export async function firstOf<T>(
  part: PartName,
  candidates: readonly Candidate<T>[],
  signal?: AbortSignal,
): Promise<{ source: Source; found: T }> {
  const reasons: string[] = [];
  let command: string | undefined;
  for (const candidate of candidates) {
    const offer = await candidate.find().catch((error: unknown): Offer<T> => {
      signal?.throwIfAborted();
      return { lacks: error instanceof Error ? error.message : String(error) };
    });
    signal?.throwIfAborted();
    if ("found" in offer) return { source: candidate.source, found: offer.found };
    reasons.push(offer.lacks);
    command ??= offer.command;
  }
  throw new PartUnavailable(part, reasons.join("; "), command);
}

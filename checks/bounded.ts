import { Readable } from "node:stream";

/** The body of an answer: of `fetch`, or of an AWS client. */
type Body = object | null | undefined;

/** The beginning of a body. */
export interface Beginning {
  readonly bytes: Buffer;
  /** Whether there was no more. */
  readonly whole: boolean;
}

/** The first bytes of a body, at most `most`. The connection is closed then: what would follow is never received. */
export async function readBeginning(body: Body, most: number): Promise<Beginning> {
  const chunks: Uint8Array[] = [];
  let left = most;
  // An AWS client checks a sum as the body goes by. Where the body is left early, nobody listens for what it says of that.
  if (body instanceof Readable) body.on("error", () => undefined);
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    if (chunk.byteLength > left) {
      chunks.push(chunk.subarray(0, left));
      return { bytes: Buffer.concat(chunks), whole: false };
    }
    chunks.push(chunk);
    left -= chunk.byteLength;
  }
  return { bytes: Buffer.concat(chunks), whole: true };
}

/**
 * A body to its end.
 * @param what how the message calls it
 * @throws Error when it has more than `most` bytes
 */
export async function readBody(body: Body, most: number, what: string): Promise<Buffer> {
  const { bytes, whole } = await readBeginning(body, most);
  if (!whole) throw new Error(`${what} has more than ${most} bytes`);
  return bytes;
}

/** What a write to a pipe or a terminal fails with once its reader has gone, as `head` goes after its lines. */
const readerGone: ReadonlySet<string | undefined> = new Set(["EPIPE", "EIO", "EOF"]);

/**
 * Keeps a failed write to an output stream from ending the process: a change that is under way goes on to its verified
 * end without it. Without a listener Node throws the error of the stream.
 * @param onLost hears of output that was lost although its reader is there, as on a full disk
 */
export function outliveOutput(stream: NodeJS.WritableStream, onLost: (error: Error) => void = () => undefined): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!readerGone.has(error.code)) onLost(error);
  });
}

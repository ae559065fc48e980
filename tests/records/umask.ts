/** The umask of this process, which cannot be asked for without setting it. */
export function umaskNow(): number {
  const own = process.umask(0o022);
  process.umask(own);
  return own;
}

/** An address, or a range of addresses in CIDR form. */
const client =
  /^(?:(?:\d{1,3}\.){3}\d{1,3}(?:\/(?:3[0-2]|[12]?\d))?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+(?:\/(?:12[0-8]|1[01]\d|\d{1,2}))?)$/;

/**
 * The client addresses that a toggle lets in.
 *
 * @param value the toggle: texts separated by commas; empty, true or missing lets everyone in
 * @returns undefined when everyone is let in
 */
export function clientsLetIn(
  value: boolean | string | undefined,
):
  | { readonly ok: true; readonly clients: readonly string[] }
  | { readonly ok: false; readonly got: unknown }
  | undefined {
  if (value === undefined || value === true || value === "") return undefined;
  // A door that is switched off is shut.
  if (value === false) return { ok: true, clients: [] };
  const clients = value.split(",").map((each) => each.trim());
  const valid = clients.every(
    (each) =>
      client.test(each) &&
      each
        .split(/[./]/)
        .slice(0, 4)
        .every((part) => !/^\d+$/.test(part) || Number(part) < 256),
  );
  return valid ? { ok: true, clients } : { ok: false, got: value };
}

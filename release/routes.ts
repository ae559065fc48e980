import { z } from "zod";
import type { Toggle } from "./schema/toggles";

/** An address, or a range of addresses in CIDR form. */
const client = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]);

/**
 * The client addresses that a toggle lets in.
 *
 * @param value the toggle: a list, or texts separated by commas; empty, true or missing lets everyone in
 * @returns undefined when everyone is let in
 */
export function clientsLetIn(
  value: Toggle | undefined,
):
  | { readonly ok: true; readonly clients: readonly string[] }
  | { readonly ok: false; readonly got: unknown }
  | undefined {
  if (value === undefined || value === true || value === "") return undefined;
  // A door that is switched off is shut.
  if (value === false) return { ok: true, clients: [] };
  const clients = (Array.isArray(value) ? value : String(value).split(",")).map((each) => String(each).trim());
  const valid = clients.every((each) => client.safeParse(each).success);
  return valid ? { ok: true, clients } : { ok: false, got: value };
}

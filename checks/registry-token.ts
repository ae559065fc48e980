import { z } from "zod";
import { readBeginning } from "./bounded";
import { fetchOutside } from "./outbound";

const largestToken = 64 * 1024;

const Token = z.union([z.object({ token: z.string() }), z.object({ access_token: z.string() })]);

/**
 * The `authorization` header that a registry asks for by its challenge: most public ones want a token even of whoever may
 * read anyway. The token comes from where the registry says, over the registry's own scheme.
 *
 * @param credentials the header with which the token is asked for, if there is one
 * @returns undefined when the challenge is none that can be met
 */
export async function tokenFor(
  challenge: string | null,
  scheme: string,
  repository: string,
  credentials: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const fields = /^Bearer (.{1,2000})$/i.exec(challenge ?? "")?.[1] ?? "";
  const said = new Map([...fields.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]));
  const realm = said.get("realm") ?? "";
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== scheme) return undefined;
  const service = said.get("service");
  if (service !== undefined) url.searchParams.set("service", service);
  // Whatever the registry proposes: to read this one repository is all that is needed.
  url.searchParams.set("scope", `repository:${repository}:pull`);
  const headers = credentials === undefined ? {} : { authorization: credentials };
  const response = await fetchOutside(url, { headers, redirect: "error", signal });
  const { bytes, whole } = await readBeginning(response.body, largestToken);
  const text = bytes.toString("utf8");
  if (!response.ok || !whole) return undefined;
  const token = Token.safeParse(parsed(text)).data;
  if (token === undefined) return undefined;
  const value = "token" in token ? token.token : token.access_token;
  return /^[\x21-\x7e]+$/.test(value) ? `Bearer ${value}` : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

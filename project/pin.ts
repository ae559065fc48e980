import { readYaml } from "./yaml";
import type { ReleaseId } from "../release/primitives";
import { withEdits } from "./stack-edit";

type Pins = Readonly<Record<string, ReleaseId>>;

/**
 * A stack file with another pin. Only the pin's own characters change: comments, order and layout stay as they are. Where
 * the project's file pins for every stack, this one gets a pin of its own.
 * @param pins what is pinned apart from the rest; an empty object removes what was
 * @throws Error when the text is written in a way that cannot be edited line by line
 */
export function withPin(text: string, release: ReleaseId, pins: Pins): string {
  const { config: written } = (readYaml(text).value ?? {}) as { config?: Record<string, unknown> };
  const config = written ?? {};
  const own = (name: string): string =>
    [name, `rewind:${name}`, `rewind:config:${name}`].find((key) => Object.hasOwn(config, key)) ?? `rewind:${name}`;
  const place = own("pins");
  const keep = Object.keys(pins).length === 0 && !Object.hasOwn(config, place);
  return withEdits(text, [
    { path: [own("release")], value: release },
    ...(keep ? [] : [{ path: [place] as const, value: pins }]),
  ]);
}

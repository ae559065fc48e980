import type Docker from "dockerode";
import { isBag, textOf, type Value } from "../schema";

/** What the registry of an image is shown, undefined where the provider knows nothing for it. */
export type AuthFor = (image: string) => Docker.AuthConfigObject | undefined;

/** The provider's `registryAuth`, which arrives as JSON text, as a question by image. */
export function registryAuth(setting: Value | undefined): AuthFor {
  const given = typeof setting === "string" && setting !== "" ? (JSON.parse(setting) as Value) : setting;
  const known = (Array.isArray(given) ? given : []).filter(isBag);
  return (image) => {
    const host = image.split("/")[0] ?? "";
    const found = known.find(
      ({ address }) =>
        textOf(address)
          .replace(/^https?:\/\//, "")
          .replace(/\/.*$/, "") === host,
    );
    if (found === undefined) return undefined;
    return { username: textOf(found.username), password: textOf(found.password), serveraddress: host };
  };
}

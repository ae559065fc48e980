import { quote } from "../primitives";
import { eachRelease, problem, type Rule } from "./rule";

const at = ["environment", "signatures"];

export const signaturesNameSomebody: Rule = ({ environment: { signatures } }) => {
  if (signatures === undefined) return [];
  const { identities = [], keys = [] } = signatures;
  const twice = keys.filter(({ name }, index) => keys.findIndex((other) => other.name === name) !== index);
  return [
    ...(identities.length + keys.length === 0
      ? [problem(at, "expected identities, keys or both: nobody is demanded")]
      : []),
    ...twice.map(({ name }) => problem([...at, "keys"], `two keys have the name ${name}`)),
  ];
};

/** A signature is over a digest; what a tag means tomorrow nobody has signed. Elsewhere a digest is demanded anyway. */
export const signedImagesArePinned: Rule = (settings) =>
  settings.environment.signatures === undefined || settings.environment.kind !== "local"
    ? []
    : eachRelease(settings, (release, path) =>
        (["services", "functions"] as const).flatMap((facet) =>
          Object.entries(release[facet] ?? {}).flatMap(([name, { image }]: [string, { image?: string }]) =>
            image === undefined || image.includes("@sha256:")
              ? []
              : [
                  problem(
                    [...path, facet, name, "image"],
                    `expected name@sha256:<64 hex>, got ${quote(image)}: signatures are over digests`,
                  ),
                ],
          ),
        ),
      );

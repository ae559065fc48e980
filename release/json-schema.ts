import { z } from "zod";
import { Settings } from "./schema/settings";

/**
 * The JSON Schema of a `Pulumi.<stack>.yaml`, for editors: made from the schema that the parser uses, so that what an
 * editor underlines is what a preview would refuse.
 */
export function stackFileSchema(): Record<string, unknown> {
  const secrets = z.record(z.string(), z.union([z.string(), z.strictObject({ secure: z.string() })]));
  const settings = z.strictObject({ ...Settings.shape, secrets: secrets.optional() });
  const { properties, required, definitions } = z.toJSONSchema(settings, {
    target: "draft-7",
    unrepresentable: "any",
  }) as {
    properties: Record<string, unknown>;
    required: string[];
    definitions?: Record<string, unknown>;
  };
  const named = (key: string): string => `rewind:${key}`;
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A stack of Rewind",
    type: "object",
    required: ["config"],
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [named(key), value])),
        required: required.map(named),
        patternProperties: { "^(?!rewind:)": {} },
        additionalProperties: false,
      },
    },
    // What the schema refers to more than once, which draft 7 keeps under this name.
    ...(definitions === undefined ? {} : { definitions }),
  };
}

/** What a process gets of one environment variable on Linux: the vendor's host hands the configuration over in one. */
export const engineLimit = 128 * 1024;

/** From here on people are told. */
export const nearLimit = Math.floor(engineLimit * 0.8);

/**
 * How many bytes the engine's host hands a program its configuration in: every value as text, objects as JSON inside
 * JSON.
 * @param config every key with its namespace; values as texts or as a stack file has them
 */
export function engineBytes(config: Readonly<Record<string, unknown>>): number {
  const texts = Object.entries(config).map(([key, value]) => [
    key,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return utf8Bytes(`PULUMI_CONFIG=${JSON.stringify(Object.fromEntries(texts))}`) + 1;
}

/** How many bytes a text has in UTF-8, without a Buffer: code points below 0x80, 0x800, 0x10000 take one, two, three. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const unit of text) {
    const point = unit.codePointAt(0) ?? 0;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** The warning for a configuration of that many bytes, undefined when there is room. */
export function sizeWarning(bytes: number): string | undefined {
  if (bytes < nearLimit) return undefined;
  return `the configuration has ${bytes} of the ${engineLimit} bytes that the engine can hand over: move older releases out with: rewind release archive`;
}

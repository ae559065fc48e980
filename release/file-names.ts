const device = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])$/;

/**
 * The name of something in a database as a piece of a file's name. A plain one in small letters is itself. In any other
 * each byte that is no small letter, digit or `_` becomes `-` and two hexadecimal digits: two tables that differ in case
 * alone are two files where a file system knows no case, and no name is a folder, an option or a device of Windows.
 */
export function fileNameOf(name: string): string {
  const [first = "", ...rest] = [...Buffer.from(name, "utf8")].map((byte) => {
    const text = String.fromCharCode(byte);
    return /[a-z0-9_]/.test(text) ? text : escaped(byte);
  });
  return [device.test(name) ? escaped(first.charCodeAt(0)) : first, ...rest].join("");
}

const escaped = (byte: number): string => `-${byte.toString(16).padStart(2, "0")}`;

/** The name of which `fileNameOf` made a piece of a file's name. */
export function nameOfFile(file: string): string {
  const bytes = file.replace(/-([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

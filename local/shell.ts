export type Shell = "posix" | "powershell";

/**
 * Lines that set environment variables in a shell: for `eval "$(…)"` in a POSIX shell, for `… | Invoke-Expression` in
 * PowerShell. Values are quoted so that the shell takes them as they are, whatever they hold.
 * @throws RangeError on a name that is no variable's, or a value with a zero byte, which no environment can hold
 */
export function shellExports(variables: Readonly<Record<string, string>>, shell: Shell): string {
  return Object.entries(variables)
    .map(([name, value]) => {
      if (!/^[A-Za-z_]\w*$/.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name for a variable`);
      if (value.includes("\0")) throw new RangeError(`the value of ${name} holds a zero byte`);
      return shell === "posix" ? `export ${name}=${posixQuote(value)}\n` : `$env:${name} = ${powershellQuote(value)}\n`;
    })
    .join("");
}

/** Between single quotes a POSIX shell takes everything as it is, but for the single quote itself. */
export function posixQuote(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** PowerShell ends such a string at the typographic quotes too; each is written twice to stand for itself. */
export function powershellQuote(value: string): string {
  return `'${value.replace(/['\u2018\u2019\u201A\u201B]/g, "$&$&")}'`;
}

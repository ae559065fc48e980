/**
 * The steps of a path such as `config.TABLE.KEY.COLUMN`, as Pulumi writes property paths: a name with a dot in it stands
 * in brackets and quotes, `config["eu.rates"].key.value`. Quotes inside are escaped as in JSON.
 * @returns undefined where a step is empty
 */
export function stepsOf(path: string): string[] | undefined {
  const steps: string[] = [];
  let rest = path;
  while (rest !== "") {
    const [whole = "", quoted, plain] = step.exec(rest) ?? [];
    const text = quoted === undefined ? plain : unquoted(quoted);
    const joined = quoted !== undefined || steps.length > 0 === whole.startsWith(".");
    if (text === undefined || text === "" || !joined) return undefined;
    steps.push(text);
    rest = rest.slice(whole.length);
    if (rest !== "" && !/^[.[]/.test(rest)) return undefined;
  }
  return steps.length === 0 ? undefined : steps;
}

/** The path of steps, each in the form that it needs. */
export function pathOfSteps(first: string, ...others: readonly string[]): string {
  return others.reduce(
    (path, each) => `${path}${/^[\w-]+$/.test(each) ? `.${each}` : `[${JSON.stringify(each)}]`}`,
    first,
  );
}

/** A step in brackets and quotes, or a plain one, up to the next dot or bracketed step. A key of several columns is a list. */
const step =
  /^(?:\[("(?:[^"\\]|\\.)*")\]|\.?(\[(?:"(?:[^"\\]|\\.)*"|[^\]"])*\]|(?:(?!\["(?:[^"\\]|\\.)*"\](?:[.[]|$))[^.])+))/;

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** The value of a row that a path names. A key with dots in it needs no quotes: the table is before it, the column after. */
export function rowPath(
  path: string,
): { readonly table: string; readonly key: string; readonly column: string } | undefined {
  const [facet, table, ...inside] = stepsOf(path) ?? [];
  const column = inside.pop();
  if (facet !== "config" || table === undefined || column === undefined || inside.length === 0) return undefined;
  return { table, key: inside.join("."), column };
}

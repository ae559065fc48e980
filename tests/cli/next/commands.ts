import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { project } from "../../release/stack-files";

/** Values for what a message leaves open or fills in, by the words around it. */
const samples: readonly (readonly [RegExp, string])[] = [
  [/^<(?:port)>$/, "5432"],
  [/^<.*>$/, "v1.2.0"],
  [/^(["']).*\1$/, "words"],
  [/^…$/, "words"],
  [/^age1…$/, `age1${"q".repeat(58)}`],
];
/** A word of a command, or a value for it. */
const sampled = (word: string): string => samples.find(([pattern]) => pattern.test(word))?.[1] ?? word;

/** Words behind which a sentence goes on and the command is over. */
const prose = new Set(
  "which when if and or says that is ends to again with lists as of on for wrote first one where in what says but still does needs waits names undoes".split(
    " ",
  ),
);

/** The commands of `rewind` that a text names, each as its words. */
export function commandsIn(text: string): string[][] {
  return [...text.matchAll(/(?<![\w/`.-])rewind ((?:"[^"]*"|'[^']*'|<\w+>|[^"\n`|&<>])*)/g)].flatMap(
    ([, rest = ""]) => {
      if (text.includes("hashtext")) return [];
      const words: string[] = [];
      for (const word of rest.match(/"[^"]*"|'[^']*'|\S+/g) ?? []) {
        const last = /[,;:.)!?]$/.test(word) && !word.startsWith("…");
        const bare = word.replace(/[,;:.)!?]+$/, "").replace(/^\[(.*)\]$/, "<$1>");
        if (prose.has(bare) || bare === "" || bare === "→") break;
        words.push(sampled(bare));
        if (last) break;
      }
      return words.length === 0 || words[0] === "rewind" ? [] : [words];
    },
  );
}

/** The rooms whose texts people read. */
const rooms = ["cli", "stacks", "release", "records", "checks", "recovery", "builds"];

/** Every file of the product in which a command may be named. */
export const sources = rooms.flatMap((room) =>
  readdirSync(join(project, room), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("completion.ts"))
    .map((name) => join(project, room, name)),
);

/** Every text of the product, with a sample where a value is filled in. */
export function* textsOf(file: string): Generator<{ readonly text: string; readonly line: number }> {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const texts: { text: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    if (ts.isImportDeclaration(node)) return;
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) texts.push({ text: node.text, line });
    if (ts.isTemplateExpression(node)) {
      const filled = node.templateSpans.map(
        ({ expression, literal }) => `${sampleOf(expression.getText(source))}${literal.text}`,
      );
      texts.push({ text: node.head.text + filled.join(""), line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  yield* texts;
}

/** What a message would have in the place of an expression, by its name. */
function sampleOf(expression: string): string {
  if (expression.includes("verb")) return "resume";
  if (/length|count/.test(expression)) return "20";
  if (expression.includes("onStack")) return "--stack prod";
  if (/level/i.test(expression) && !expression.includes("?")) return "fast";
  if (expression.includes("?") || expression.includes("=>") || /words|parts|given|more/i.test(expression)) return "";
  if (/identity/i.test(expression)) return "application";
  return "v1.2.0";
}

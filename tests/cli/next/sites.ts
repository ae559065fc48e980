import { readFileSync } from "node:fs";
import ts from "typescript";
import { project } from "../../release/stack-files";
import { sources } from "./commands";

/** A text that the product prints as what to type next. */
export interface Site {
  readonly place: string;
  /** With `…` where a value is filled in. */
  readonly text: string;
  /** Whether something that was printed is this text. */
  readonly matches: (said: string) => boolean;
}

/** Every text in the source that stands behind a "Next:": what a Refusal has second, what is called next, and what says so. */
export function sitesOfNext(): Site[] {
  return sources.filter((file) => !file.includes("/cli/json/")).flatMap(sitesIn);
}

function sitesIn(file: string): Site[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const sites: Site[] = [];
  const add = (parts: readonly string[], node: ts.Node): void => {
    const text = parts.join("…").trim();
    if (text.replaceAll("…", "").trim() === "") return;
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    const pattern = new RegExp(
      `^${parts.map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^]*")}$`,
    );
    sites.push({ place: `${file.slice(project.length + 1)}:${line}`, text, matches: (said) => pattern.test(said) });
  };
  /** The texts of an expression that is printed as the next command. */
  const texts = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) add([node.text], node);
    else if (ts.isTemplateExpression(node)) {
      add([node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)], node);
    } else if (ts.isConditionalExpression(node)) {
      texts(node.whenTrue);
      texts(node.whenFalse);
    } else if (ts.isParenthesizedExpression(node)) texts(node.expression);
    else if (ts.isBinaryExpression(node)) {
      texts(node.left);
      texts(node.right);
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (
      ts.isNewExpression(node) &&
      node.expression.getText(source) === "Refusal" &&
      node.arguments?.[1] !== undefined
    ) {
      texts(node.arguments[1]);
    }
    const named = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node);
    if (named && ["next", "otherwise"].includes(node.name.getText(source)) && node.initializer !== undefined)
      texts(node.initializer);
    if (
      ts.isFunctionDeclaration(node) &&
      /^(?:next|after|before)[A-Z]?\w*$/.test(node.name?.text ?? "") &&
      file.includes("/cli/")
    ) {
      const inside = (inner: ts.Node): void => {
        if (ts.isReturnStatement(inner) && inner.expression !== undefined) texts(inner.expression);
        ts.forEachChild(inner, inside);
      };
      inside(node);
    }
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)) {
      const parts = ts.isTemplateExpression(node)
        ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)]
        : [node.text];
      const from = parts.findIndex((part) => /Next: +\S|Next: +$/.test(part));
      const [, rest = ""] = /Next: +([^]*)/.exec(parts[from] ?? "") ?? [];
      if (from >= 0) add([rest, ...parts.slice(from + 1)], node);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return sites;
}

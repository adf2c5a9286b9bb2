import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './pages.js';

const NAMES: ReadonlySet<string> = new Set(['describe', 'it']);
/** A title that is nearly all made up at run time would match anything. */
const LEAST_LITERAL = 10;

const known = new Map<string, readonly RegExp[]>();

/** The titles of a test file, each as a pattern: what a template fills in matches any text. */
export function titlesOf(path: string): readonly RegExp[] {
  const found = known.get(path);
  if (found !== undefined) return found;
  const source = ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.ES2022, false);
  const titles: RegExp[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && NAMES.has(node.expression.text)) {
      const title = titleOf(node.arguments[0]);
      if (title !== undefined) titles.push(title);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  known.set(path, titles);
  return titles;
}

function titleOf(node: ts.Expression | undefined): RegExp | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return new RegExp(`^${escape(node.text)}$`);
  if (!ts.isTemplateExpression(node)) return undefined;
  const literals = [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)];
  if (literals.join('').length < LEAST_LITERAL) return undefined;
  return new RegExp(`^${literals.map(escape).join('.+')}$`);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

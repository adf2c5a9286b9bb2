import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository: tests run from `packages/portcullis/dist-test/docs/support`. */
export const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

/** A fenced block of a page. */
export interface Block {
  /** The language: `yaml`, `ts`, `sh`. Empty where the fence names none. */
  readonly language: string;
  /** The words after it: `run`, `no-run`, `file=policy.yaml`. */
  readonly words: readonly string[];
  readonly text: string;
  /** `docs/policy.md:12`: the line of the fence. */
  readonly at: string;
}

export interface Page {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

function markdownIn(folder: string): string[] {
  const full = join(ROOT, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full).filter((name) => name.endsWith('.md')).map((name) => join(full, name));
}

function subfolders(folder: string): string[] {
  const full = join(ROOT, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
}

/** Every page that people read: the root's, the packages', the examples', and all below `docs`. */
export function allPages(): readonly Page[] {
  const folders = ['.', 'docs', 'docs/attestors', 'docs/decisions', ...subfolders('packages'), ...subfolders('examples')];
  return folders.flatMap(markdownIn).map((full) => readPage(relative(ROOT, full)));
}

export function readPage(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, blocks: blocksOf(path, text) };
}

/** All fenced blocks, in order. A fence that is never closed is an error: everything after it would read as code. */
export function blocksOf(path: string, text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { readonly info: string; readonly line: number; readonly body: string[] } | undefined;
  text.split('\n').forEach((line, index) => {
    if (!line.startsWith('```')) {
      open?.body.push(line);
      return;
    }
    if (open === undefined) {
      open = { info: line.slice(3).trim(), line: index + 1, body: [] };
      return;
    }
    const [language = '', ...words] = open.info.split(/\s+/);
    blocks.push({ language, words, text: `${open.body.join('\n')}\n`, at: `${path}:${String(open.line)}` });
    open = undefined;
  });
  if (open !== undefined) throw new Error(`${path}:${String(open.line)}: this fence is never closed`);
  return blocks;
}

/** Blocks of a page, each `continued` one as a part of the one before. */
export function joined(blocks: readonly Block[]): readonly Block[] {
  const list: Block[] = [];
  for (const block of blocks) {
    const before = block.words.includes('continued') ? list.pop() : undefined;
    list.push(before === undefined ? block : { ...before, text: before.text + block.text });
  }
  return list;
}

/** The text of a page without its fenced blocks and without what stands in back quotes. */
export function proseOf({ text }: Page): string {
  return text.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '');
}

/** What the web makes of headings: `## Set-up, and tests` is `set-up-and-tests`. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const headings = text.replace(/^```.*?^```$/gms, '').matchAll(/^#{1,6} (.+)$/gm);
  return new Set([...headings].map(([, heading = '']) => heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')));
}

/** The text below a heading of the second level. */
export function sectionOf({ text }: Page, heading: string): string {
  return text.split(`\n## ${heading}\n`)[1]?.split(/^## /m)[0] ?? '';
}

/** The first cells of the table below a heading, without their back quotes, in order. */
export function firstCells(page: Page, heading: string): readonly string[] {
  return [...sectionOf(page, heading).matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell);
}

import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { ROOT, type Block } from './pages.js';
import { Scratch } from './scratch.js';

/** Below this package, so that the published names resolve as they do for its users. Not in git. */
const FOLDER = join(ROOT, 'packages/portcullis/dist-test/snippets');

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node', 'mocha'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
};

/** `README.md:31` is `README-md-31.mts`. */
function fileOf({ at }: Block): string {
  return join(FOLDER, `${at.replaceAll(/[^A-Za-z0-9]+/g, '-')}.mts`);
}

/** A snippet is a module, whether it imports something or not. */
function write(blocks: readonly Block[]): readonly string[] {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const block of blocks) writeFileSync(fileOf(block), `${block.text}export {};\n`);
  return blocks.map(fileOf);
}

/** What the compiler says of the snippets, each with the page that it stands on. */
export function problemsOf(blocks: readonly Block[]): readonly string[] {
  const files = write(blocks);
  const program = ts.createProgram(files, { ...OPTIONS, noEmit: true });
  const places = new Map(blocks.map((block) => [basename(fileOf(block)), block.at]));
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
    const { file, start = 0 } = diagnostic;
    if (file === undefined) return message;
    const line = file.getLineAndCharacterOfPosition(start).line + 1;
    return `${places.get(basename(file.fileName)) ?? file.fileName}, line ${String(line)} of the block: ${message}`;
  });
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one TypeScript snippet with Node, in a folder of its own. */
export async function runSnippet(block: Block): Promise<Ran> {
  const { outputText } = ts.transpileModule(`${block.text}export {};\n`, { compilerOptions: OPTIONS, fileName: 'snippet.mts' });
  const file = fileOf(block).replace(/\.mts$/, '.run.mjs');
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(file, outputText);
  const scratch = new Scratch();
  try {
    return await new Promise<Ran>((resolve) => {
      execFile(process.execPath, [file], { cwd: scratch.folder, timeout: 30_000, encoding: 'utf8' }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr });
      });
    });
  } finally {
    scratch.close();
  }
}

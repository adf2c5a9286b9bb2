// What a reader may rely on in this repository and no linter says: no test is left out silently or alone, and a source
// file that grows past 250 lines is looked at. Also a program: `node scripts/repository-rules.mjs`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryFiles } from './lib/git.mjs';
import { ROOT } from './lib/workspaces.mjs';

const MAX_LINES = 250;

/** Applied to each line of our TypeScript below packages/, examples/ and bench/. */
const FORBIDDEN = [
  { pattern: /\b(?:describe|context|suite|it|specify|test)\.only\s*\(/, what: 'runs alone: `.only`' },
  {
    pattern: /\b(?:describe|context|suite|it|specify|test)\.skip\s*\(|\bx(?:describe|context|it|specify)\s*\(/,
    what: 'is left out without a reason: use `skip` of @portcullis/testkit',
  },
  { pattern: /\bthis\.skip\s*\(/, what: 'is skipped without a reason: use `skipUnless` of @portcullis/testkit' },
];

const isOurs = (path) => /^(packages|examples|bench)\/.*\.ts$/.test(path) && !path.endsWith('.generated.ts');
const isSource = (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !path.endsWith('.generated.ts');

/** `errors` break the rules; `warnings` deserve a look. */
export async function brokenRules(root = ROOT) {
  const errors = [];
  const warnings = [];
  for (const path of (await repositoryFiles(root)).filter(isOurs)) {
    if (!existsSync(join(root, path))) continue; // deleted and not yet committed
    const lines = readFileSync(join(root, path), 'utf8').replace(/\n$/, '').split('\n');
    lines.forEach((line, index) => {
      for (const { pattern, what } of FORBIDDEN) if (pattern.test(line)) errors.push(`${path}:${index + 1}: ${what}`);
    });
    if (isSource(path) && lines.length > MAX_LINES) {
      warnings.push(`${path}: ${lines.length} lines, past ${MAX_LINES}: does it hold two nouns?`);
    }
  }
  return { errors, warnings };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { errors, warnings } = await brokenRules(process.argv[2]);
  for (const line of warnings) process.stdout.write(`warning: ${line}\n`);
  for (const line of errors) process.stdout.write(`${line}\n`);
  process.exitCode = errors.length === 0 ? 0 : 1;
}

// Writes the table of the features in docs/kernel-features.md from what is declared (src/features.ts); the matrix beside it
// needs kernels: `npm run test:kernels -- --write`. Needs a build. With --check it writes nothing and exits 1 where stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FEATURES_MARK, between, featureTable } from '../dist/page.js';

const page = fileURLToPath(new URL('../../../docs/kernel-features.md', import.meta.url));
const text = readFileSync(page, 'utf8');
const current = between(text, FEATURES_MARK, featureTable());

if (!process.argv.includes('--check')) writeFileSync(page, current);
else if (text !== current) {
  process.stderr.write('docs/kernel-features.md is stale: run packages/kernel-lab/scripts/generate-kernel-features.mjs\n');
  process.exitCode = 1;
}

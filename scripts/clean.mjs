// Removes what a build or a test run left behind, and nothing else: `node_modules` stays.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, workspaces } from './lib/workspaces.mjs';

const products = workspaces().flatMap((folder) => [join(folder, 'dist'), join(folder, 'dist-test')]);
for (const product of [...products, join(ROOT, 'coverage')]) rmSync(product, { recursive: true, force: true });

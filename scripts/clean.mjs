// Removes what a build or a test run left behind, and nothing else: `node_modules` stays.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const PRODUCTS = ['dist', 'dist-test'];

/** The folders that hold a workspace: `packages/*`, `examples/*`, `bench`. */
function workspaces() {
  const below = ['packages', 'examples'].flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(root, group, entry.name)),
  );
  return [...below, join(root, 'bench')];
}

for (const workspace of workspaces()) {
  for (const product of PRODUCTS) rmSync(join(workspace, product), { recursive: true, force: true });
}
rmSync(join(root, 'coverage'), { recursive: true, force: true });

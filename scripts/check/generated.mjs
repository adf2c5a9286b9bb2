// Every generated file says what its generator would say now.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Failure, Skip, execute } from '../lib/run.mjs';
import { ROOT, workspaces } from '../lib/workspaces.mjs';

/** `scripts/generate*.mjs` of the repository and of every workspace. Each takes `--check`: write nothing, exit 1 if stale. */
function generators() {
  return [ROOT, ...workspaces()]
    .map((folder) => join(folder, 'scripts'))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).filter((name) => /^generate.*\.mjs$/.test(name)).map((name) => join(folder, name)));
}

export async function generatedFilesAreCurrent() {
  const scripts = generators();
  if (scripts.length === 0) throw new Skip('nothing is generated');
  const stale = [];
  for (const script of scripts) {
    const { code, output } = await execute(process.execPath, [script, '--check']);
    if (code !== 0) stale.push(`${relative(ROOT, script)} --check: exit code ${code}\n${output}`);
  }
  if (stale.length > 0) throw new Failure('stale generated files', stale.join('\n'));
  return `${scripts.length} generator${scripts.length === 1 ? '' : 's'}`;
}

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './support/pages.js';

/** Source files below `packages/*\/src` whose text matches, relative to `packages`. */
function filesWith(pattern: RegExp, folder = ''): readonly string[] {
  const packages = join(ROOT, 'packages');
  return readdirSync(packages).flatMap((name) => sources(join(packages, name, 'src', folder)))
    .filter((path) => pattern.test(readFileSync(path, 'utf8')))
    .map((path) => path.slice(packages.length + 1))
    .sort();
}

function sources(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts')).map((name) => join(folder, name));
  } catch {
    return []; // a folder that is no package
  }
}

/** The linter holds these too; a test shows them where the documentation claims them. */
describe('the three doors (I8)', () => {
  it('only ffi/libc.ts imports koffi', () => {
    assert.deepEqual(filesWith(/from 'koffi|import\('koffi/).filter((path) => !path.endsWith('/src/ffi/libc.ts')), []);
  });

  it('only socket-fd.ts reads a private descriptor', () => {
    assert.deepEqual(filesWith(/\._handle\b|'_handle'/), ['core/src/socket-fd.ts']);
  });

  it('only gate.ts touches node:net in core', () => {
    assert.deepEqual(filesWith(/from '(?:node:)?net'/).filter((path) => path.startsWith('core/') && !path.startsWith('core/src/testing/')), ['core/src/gate.ts']);
  });

  it('no source reads the mount table of a peer (T8)', () => {
    assert.deepEqual(filesWith(/(?<!\/proc\/self)['`/](?:mountinfo|mountstats|mounts)\b/), []);
    assert.deepEqual(filesWith(/\/proc\/self\/mountinfo\b/), ['attestor-linux/src/image/strange-layer.ts']);
  });
});

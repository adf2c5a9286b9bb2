import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinuxAttestor } from '@portcullis/attestor-linux';
import { PortcullisError } from '@portcullis/core';
import { Names, parseDatabase } from '@portcullis/core/platform';
import { askGetent } from '../dist/getent.js';
import { needProgram, needRoot, SOMEBODY } from './support/features.js';
import { Stage } from './support/stage.js';

const GETENT = '/usr/bin/getent';

describe('names of a policy', () => {
  let stage: Stage;
  before(function () { needRoot(this); needProgram(this, GETENT); needProgram(this, '/usr/bin/unshare'); });
  beforeEach(async () => { stage = await Stage.open(); });
  afterEach(async () => { await stage.close(); });

  /** What resolving `name` says where getent is this script, in a mount namespace of its own. */
  function withGetent(script: string, change: (path: string) => void = () => undefined, name = 'somebody-else'): string {
    const fake = stage.at('getent');
    writeFileSync(fake, `#!/bin/sh\n${script}\n`);
    chmodSync(fake, 0o755);
    change(fake);
    const inner = `mount --bind ${fake} ${GETENT} && exec "$0" "$@"`;
    const run = spawnSync('/usr/bin/unshare', ['-m', '/bin/sh', '-c', inner, process.execPath, join(import.meta.dirname, 'support/names-process.js'), name], { encoding: 'utf8' });
    return run.stdout.trim();
  }

  it('are resolved by the system\'s own services', () => {
    assert.equal(withGetent('echo "$2:x:4321:4321::/:/bin/false"'), '0');
  });

  it('are warned of when the service says that there is none', () => {
    assert.equal(withGetent('exit 2'), '1');
  });

  for (const [title, script] of [
    ['fails', 'exit 3'],
    ['says nothing', 'exit 0'],
    ['speaks of another name', 'echo root:x:0:0::/:/bin/sh'],
    ['names no number', 'echo "$2:x:zero:0::/:/bin/sh"'],
  ] as const) {
    it(`refuse the policy when the service ${title}`, () => {
      assert.equal(withGetent(script), 'NAME_UNRESOLVED');
    });
  }

  it('refuse the policy when the service says too much, or dies', () => {
    assert.equal(withGetent('head -c 1000000 /dev/zero'), 'PROGRAM_FAILED');
    assert.equal(withGetent('kill -9 $$'), 'PROGRAM_FAILED');
  });

  it('T19: are never asked of a program that somebody other than root may change', () => {
    const answer = 'echo "$2:x:0:0::/:/bin/sh"';
    assert.equal(withGetent(answer, (path) => { chownSync(path, SOMEBODY, 0); }), 'PROGRAM_UNTRUSTED');
    assert.equal(withGetent(answer, (path) => { chmodSync(path, 0o775); }), 'PROGRAM_UNTRUSTED');
  });

  it('T19: are asked with an empty environment', () => {
    process.env['PORTCULLIS_HOSTILE'] = 'yes';
    try {
      assert.equal(withGetent('[ -z "$PORTCULLIS_HOSTILE" ] && echo "$2:x:4321:4321::/:/bin/false"'), '0');
    } finally {
      delete process.env['PORTCULLIS_HOSTILE'];
    }
  });

  it('refuse the policy when a number stands for a name: the service would take it for an id', async () => {
    await assert.rejects(new LinuxAttestor().prepare(new Map([['unix:user', new Set(['0'])]])), (error) => error instanceof PortcullisError && error.code === 'NAME_UNRESOLVED');
  });
});

describe('the names of ids', () => {
  it('are unknown for an id without one while a name of the policy could not be resolved: it could be that one (I4)', async () => {
    const names = new Names(askGetent);
    assert.equal(names.user(4_000_000_000), '#4000000000');
    assert.equal((await names.prepare(new Map([['unix:user', new Set(['nobody-has-this-name'])]]))).length, 1);
    assert.deepEqual([names.user(0), names.group(4_000_000_000)], ['root', '#4000000000']);
    const unnamed = names.user(4_000_000_000);
    assert.equal(typeof unnamed === 'string' ? unnamed : unnamed.why, 'service-down');
  });
});

describe('the local databases', () => {
  it('give the first line of a name, and skip what is no entry', () => {
    const text = 'root:x:0:0::/:/bin/sh\n# comment:x:5:\nbroken\n:x:7:\nbad:x:seven:\nroot:x:9:9::/:/bin/sh\nlast:x:4294967294:';
    assert.deepEqual([...parseDatabase(text)], [['root', 0], ['last', 4_294_967_294]]);
  });
});

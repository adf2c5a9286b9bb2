import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import { Progress } from '../../dist/replay/progress.js';
import { ALLOW_ME, Folder, policy } from './support/folder.js';
import { Serving, until } from './support/serving.js';

describe('an interrupt', () => {
  it('ends a gateway that still reads its policies, at once and with no socket made', async function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'gateways run on Linux');
    const folder = new Folder();
    try {
      const many = Array.from({ length: 25_000 }, (_, at) => `  - { id: r${String(at)}, effect: allow, when: { unix:uid: ${String(at)}, unix:path: "/opt/application-${String(at)}/run" } }\n`);
      const large = folder.write('large.yaml', policy(ALLOW_ME).replace(/^rules:.*$/ms, `rules:\n${many.join('')}`));
      const serving = Serving.spawn(['-p', large, '-l', `unix:${folder.at('g.sock')}`, '-u', `unix:${folder.at('up.sock')}`]);
      await until(() => serving.stderr.includes('MiB'), 'it says that it will take a while');
      serving.signal('SIGINT');
      await serving.exited;
      assert.deepEqual([serving.child.signalCode, serving.lines, existsSync(folder.at('g.sock'))], ['SIGINT', [], false]);
      assert.match(serving.stderr, /^portcullis: reading policies of [0-9.]+ MiB, [^\n]+\n$/);
    } finally {
      folder.remove();
    }
  });

  it('takes away the line of progress that a terminal shows', () => {
    const handlers = (): number => process.listenerCount('SIGINT');
    const before = handlers();
    let written = '';
    const terminal = { isTTY: true, write: (text: string) => { written += text; return true; } } as unknown as NodeJS.WriteStream;
    const progress = new Progress(terminal, 'replay');
    progress.show(0.5, '7 decisions');
    assert.equal(handlers(), before + 1);
    progress.end();
    assert.equal(handlers(), before);
    assert.ok(written.includes(' 50 %  7 decisions') && written.endsWith('\r\u001b[K'));
    new Progress({ ...terminal, isTTY: false } as unknown as NodeJS.WriteStream, 'replay').show(0.5, '');
    assert.equal(handlers(), before);
  });
});

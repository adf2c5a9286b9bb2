import assert from 'node:assert/strict';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { admissionOf, createGate, type PolicyReload } from 'portcullis';
import { requireFeature } from '@portcullis/testkit';
import { ALLOW_ME, ALLOW_OTHER, Folder, policy } from './support/folder.js';
import { until } from './support/serving.js';

describe('createGate', function () {
  let folder: Folder;

  before(function () {
    requireFeature(this, 'linux', process.platform === 'linux', 'needs Linux');
  });

  beforeEach(() => { folder = new Folder(); });
  afterEach(() => { folder.remove(); });

  const heard = async (path: string): Promise<string> => {
    const client: Socket = connect(path);
    let text = '';
    client.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('error', () => undefined);
    await once(client, 'close');
    return text;
  };

  it('rejects a bad policy with every finding', async () => {
    const file = folder.write('p.yaml', policy('{ id: x, effect: allow, when: { unix:uuid: 1 } }'));
    await assert.rejects(createGate({ policy: file, self: 'allow' }), { code: 'POLICY_INVALID', message: /p\.yaml:4:37: POLICY_UNKNOWN_KEY/ });
  });

  it('stands before a server with one call, and follows its policy', async () => {
    const file = folder.write('p.yaml', policy(ALLOW_ME));
    const reloads: PolicyReload[] = [];
    const gate = await createGate({ policy: file, self: 'allow', listener: 'x', watch: true, onReload: (reload) => { reloads.push(reload); } });
    const server = createServer((socket) => { socket.end(admissionOf(socket).decision.rules.join()); });
    const { path } = await gate.listen(server, { path: folder.at('g.sock') });
    assert.equal(await heard(path ?? ''), 'me');
    renameSync(folder.write('new', policy(ALLOW_OTHER)), file);
    await until(() => reloads.length === 1, 'a reload');
    assert.equal(reloads[0]?.outcome, 'loaded');
    assert.equal(await heard(path ?? ''), '');
    await gate.close();
    renameSync(folder.write('new', policy(ALLOW_ME)), file);
    await gate.reload();
    assert.equal(reloads.length, 1);
  });

  it('gives each gate attestors of its own', async () => {
    const one = await createGate({ policy: folder.write('a.yaml', policy('{ id: a, effect: allow, when: { unix:user: nobody-of-that-name } }')), self: 'allow' });
    const two = await createGate({ policy: folder.write('b.yaml', policy(ALLOW_ME)), self: 'allow' });
    assert.ok(one.warnings.some((warning) => warning.includes('nobody-of-that-name')));
    assert.deepEqual(two.warnings, []);
    await one.close();
    await two.close();
  });

  it('takes attestors from plugins, and policies may name their keys', async () => {
    const attestor = {
      name: 'moon', attest: () => new Map([['moon:phase', { state: 'present', values: ['full'] }] as const]),
      selectors: [{ key: 'moon:phase', value: { type: 'text' }, many: false, trust: 'derived', cost: 'proc', summary: 'phase of the moon', example: 'full' }],
    } as const;
    const gate = await createGate({ policy: folder.write('p.yaml', policy('{ id: full, effect: allow, when: { moon:phase: full } }')), self: 'allow', attestors: [attestor] });
    const { path } = await gate.listen((socket) => { socket.end('in'); }, { path: folder.at('g.sock') });
    assert.equal(await heard(path ?? ''), 'in');
    await gate.close();
  });
});

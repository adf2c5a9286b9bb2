import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectVerified, PortcullisError, type ConnectPort, type Decision, type Policy, type SelectorKey } from '@portcullis/core';
import { DarwinAttestor, darwinConnectPort, DarwinPeerSource } from '@portcullis/attestor-darwin';
import { needStandIn } from '../support/features.js';
import { QUESTION, StandIn } from '../support/standin.js';

const SERVER = "require('node:net').createServer((s) => s.on('error', () => {}).end('served')).listen(process.argv[1], () => process.stdout.write('up'))";

/** Admits the user `uid` whose program is at a known path. */
function expecting(uid: number): Policy {
  const keys: ReadonlySet<SelectorKey> = new Set<SelectorKey>(['unix:uid', 'unix:path']);
  const nothing = new Set<SelectorKey>();
  return {
    name: 'server', revision: '1', keys, literals: new Map(), wanted: (evidence) => new Set([...keys].filter((key) => !evidence.has(key))),
    wantedByShadow: () => nothing, shadow: () => [], nearest: () => undefined,
    decide: (evidence): Decision => {
      const [id, path] = [evidence.get('unix:uid'), evidence.get('unix:path')];
      const known = id?.state === 'present' && id.values[0] === uid && path?.state === 'present' && path.values[0] === realpathSync(process.execPath);
      return { effect: known ? 'allow' : 'deny', cause: known ? 'rule' : 'default', rules: [], grant: {} };
    },
  };
}

describe('attestor-darwin: a client that verifies its server', () => {
  let standIn: StandIn;
  let port: ConnectPort;
  let folder: string;
  let path: string;
  let server: ChildProcess;
  const attestor = new DarwinAttestor();
  before(function () { needStandIn(this); standIn = new StandIn(); port = darwinConnectPort(standIn.libc); });
  beforeEach(async () => {
    folder = mkdtempSync('/tmp/portcullis-connect-');
    path = join(folder, 's');
    server = spawn(process.execPath, ['-e', SERVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(server.stdout!, 'data');
  });
  afterEach(() => {
    standIn.honest();
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const connected = (policy: Policy) => connectVerified(path, { policy, peerSource: new DarwinPeerSource({ libc: standIn.libc }), attestors: [attestor], connectPort: port });

  it('is served by a server that the policy admits', async () => {
    const socket = await connected(expecting(process.geteuid?.() ?? 0));
    assert.equal(String((await once(socket, 'data'))[0]), 'served');
    socket.destroy();
  });

  it('refuses another user, a delegated socket, and a listener of launchd', async () => {
    await assert.rejects(connected(expecting(4321)), { code: 'SERVER_REFUSED' });
    const pid = Buffer.alloc(4);
    pid.writeInt32LE(1);
    standIn.answer(QUESTION.PEEREPID, pid);
    await assert.rejects(connected(expecting(process.geteuid?.() ?? 0)), { code: 'SERVER_REFUSED' });
    standIn.honest();
    standIn.answer(QUESTION.PEERPID, pid);
    const fd = port.connect(path)!;
    assert.equal(port.examine(fd)?.refused, 'listener-inherited');
    standIn.fail(QUESTION.PEERPID, 'ENOTCONN');
    assert.equal(port.examine(fd)?.refused, 'peer-exited');
    standIn.libc.close(fd);
  });

  it('says why it cannot connect', () => {
    const code = (to: string): string => {
      try {
        port.connect(to);
      } catch (error) {
        assert.ok(error instanceof PortcullisError);
        return `${error.code} ${String(error.facts['errno'] ?? error.facts['option'])}`;
      }
      return 'connected';
    };
    writeFileSync(join(folder, 'file'), '');
    assert.deepEqual([code('s'), code('/a\0b'), code(`/${'a'.repeat(103)}`), code(join(folder, 'nowhere')), code(join(folder, 'file'))], [
      'CONNECT_OPTIONS path', 'CONNECT_OPTIONS path', 'CONNECT_OPTIONS path', 'CONNECT_SYSTEM ENOENT', 'CONNECT_SYSTEM ECONNREFUSED',
    ]);
  });
});

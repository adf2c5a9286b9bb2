import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { allowUids } from '@portcullis/core/testing';
import { requireFeature, requireRoot } from '@portcullis/testkit';
import { Harness, needLinux, until } from './support/harness.js';
import { CrowdProcess } from './support/processes.js';

const [ANN, BEN] = [1234, 1235] as const;

/**
 * Sends the only descriptor of a TCP connection whose other end takes nothing more: whoever lets go of it waits for a minute,
 * and that is the kernel when it throws away what a refused connection never read.
 */
const LINGERS = `
import array, socket, struct, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
tcp = socket.create_connection(listener.getsockname())
other, _ = listener.accept()
tcp.setblocking(False)
try:
    while True: tcp.send(b"x" * 65536)
except BlockingIOError: pass
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
said = ""
while not said: # a refusal may come first
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [tcp.fileno()]).tobytes())])
        said = "sent"
        tcp.close()
    except PermissionError: said = "EPERM"
    except OSError: pass
print(said, flush=True)
sys.stdin.read()
`;

describe('descriptors that are sent to a gate', function () {
  let harness: Harness;
  const servers: Server[] = [];
  const children: ChildProcess[] = [];
  let crowd: CrowdProcess | undefined;
  before(function () {
    needLinux(this);
    requireRoot(this, 'only root can start processes of other users');
    const { status } = spawnSync('/usr/bin/python3', ['-c', 'import socket; socket.socket(socket.AF_UNIX).setsockopt(socket.SOL_SOCKET, 83, 0)'], { stdio: 'ignore' });
    requireFeature(this, 'passrights', status === 0, 'SO_PASSRIGHTS needs Linux 6.16');
  });
  beforeEach(() => { harness = new Harness(); });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    crowd?.kill();
    await harness.close();
    for (const server of servers.splice(0)) server.close();
  });

  async function send(): Promise<string> {
    const args = ['--reuid', String(BEN), '--regid', String(BEN), '--clear-groups', '/usr/bin/python3', '-c', LINGERS, harness.path];
    const child = spawn('/usr/bin/setpriv', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const [said] = await once(child.stdout, 'data') as [Buffer];
    return said.toString().trim();
  }

  const application = (): Server => {
    const server = createServer((socket) => { socket.on('error', () => undefined).resume().write('w'); });
    servers.push(server);
    return server;
  };

  /** How the gate's socket came about. */
  const WAYS: Readonly<Record<string, () => Promise<void>>> = {
    'the gate made': async () => {
      const gate = await harness.gate({ policy: allowUids(ANN) });
      await gate.listen(application(), { path: harness.path, mode: 0o666 });
    },
    'its server listens on by itself, later': async () => {
      const server = application();
      (await harness.gate({ policy: allowUids(ANN) })).guard(server);
      await once(server.listen(harness.path), 'listening');
      chmodSync(harness.path, 0o666);
    },
    'its server listened on before': async () => {
      const server = application();
      await once(server.listen(harness.path), 'listening');
      (await harness.gate({ policy: allowUids(ANN) })).guard(server);
      chmodSync(harness.path, 0o666);
    },
  };
  for (const [what, serve] of Object.entries(WAYS)) {
    it(`T20: are refused by the kernel, and hold up nobody, on a socket that ${what}`, async () => {
      await serve();
      assert.equal(await send(), 'EPERM');
      await until(() => harness.records.length > 0); // its sender was refused by the policy as ever
      crowd = new CrowdProcess(harness.path, ANN);
      assert.deepEqual(await crowd.tell({ open: 3 }), { welcomed: 3, ended: 0 });
    });
  }
});

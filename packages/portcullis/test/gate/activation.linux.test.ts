import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { linuxListenPort } from '@portcullis/attestor-linux';
import type { BoundSocket } from '@portcullis/core';
import { Harness, needLinux } from './support/harness.js';
import { CrowdProcess, GatewayProcess } from './support/processes.js';

/** As systemd does it: the process id is set by the process that becomes the gateway. */
const ACTIVATED = ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'];
const NOT_MINE = ['/bin/sh', '-c', 'LISTEN_PID=1 exec "$@"', 'sh'];

describe('socket activation, with a socket that was really passed', function () {
  let harness: Harness;
  let bound: BoundSocket;
  let gateway: GatewayProcess | undefined;
  let crowd: CrowdProcess | undefined;
  before(function () { needLinux(this); });
  beforeEach(() => {
    harness = new Harness();
    bound = linuxListenPort().bind({ path: harness.path });
  });
  afterEach(async () => {
    crowd?.kill();
    await gateway?.stop();
    closeSync(bound.fd);
    bound.release();
    await harness.close();
  });

  function start(command: readonly string[], where: string, names: string, pass: number = bound.fd): Promise<GatewayProcess['said'][number]> {
    gateway = new GatewayProcess(command, [where], { env: { LISTEN_FDS: '1', LISTEN_FDNAMES: names }, pass });
    return gateway.started();
  }

  async function serves(): Promise<void> {
    crowd = new CrowdProcess(harness.path);
    assert.deepEqual(await crowd.tell({ open: 3 }), { welcomed: 3, ended: 0 });
  }

  it('serves the socket of that name', async () => {
    assert.deepEqual(await start(ACTIVATED, 'systemd:app', 'app'), { listening: null });
    await serves();
  });

  it('serves a descriptor that is named by its number', async () => {
    assert.deepEqual(await start([], 'fd:3', ''), { listening: null });
    await serves();
  });

  const refused: Readonly<Record<string, readonly [readonly string[], string, string]>> = {
    'it was passed to another process': [NOT_MINE, 'systemd:app', 'app'],
    'none has that name': [ACTIVATED, 'systemd:other', 'app'],
    'two have that name': [ACTIVATED, 'systemd:app', 'app:app'],
    'there are no names': [ACTIVATED, 'systemd:app', ''],
  };
  for (const [why, [command, where, names]] of Object.entries(refused)) {
    it(`is refused where ${why}`, async () => {
      assert.deepEqual(await start(command, where, names), { refused: 'LISTEN_ACTIVATION' });
    });
  }

  it('is refused where what was passed is no listening socket', async () => {
    const file = openSync('/dev/null', 'r');
    assert.deepEqual(await start(ACTIVATED, 'systemd:app', 'app', file), { refused: 'LISTEN_NOT_A_LISTENER' });
    closeSync(file);
  });

  it('is refused where the number is of no descriptor', async () => {
    assert.deepEqual(await start([], 'fd:999', ''), { refused: 'LISTEN_NOT_A_LISTENER' });
  });
});

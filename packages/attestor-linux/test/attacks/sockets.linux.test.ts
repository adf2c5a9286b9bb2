import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Connection, Fd } from '@portcullis/core';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../../dist/ffi/constants.js';
import { libc } from '../../dist/ffi/libc.js';
import { Attesting, connectionOf } from '../support/attesting.js';
import { needLinux, needPeerPidFd } from '../support/features.js';
import { Stage } from '../support/stage.js';

const AF_INET = 2;

describe('T14: sockets whose credentials mean nothing', () => {
  let attesting: Attesting;
  const opened: number[] = [];
  before(function () { needLinux(this); });
  beforeEach(() => { attesting = new Attesting({ self: 'allow' }); });
  afterEach(async () => {
    for (const fd of opened.splice(0)) closeSync(fd);
    await attesting.close();
  });

  function raw(domain: number, type: number): Fd {
    const fd = libc().socket(domain, type | SOCK_CLOEXEC, 0);
    assert.ok(fd >= 0);
    opened.push(fd);
    return fd as Fd;
  }

  function pair(type: number): Fd {
    const fds = new Int32Array(2);
    assert.equal(libc().socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
    opened.push(...fds);
    return fds[0] as Fd;
  }

  const refused = async (fd: Fd | undefined): Promise<string | undefined> => (await attesting.look({ fd, origin: undefined }, ['unix:uid'])).refused;

  it('T14: refuses an accepted TCP connection', async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [socket] = await once(server, 'connection') as [Socket];
    assert.equal((await attesting.look(socket, ['unix:uid'])).refused, 'socket-not-unix');
    // Nor where the listening socket seemed to be known: its credentials tell.
    const origin = {};
    const known = await Stage.open();
    try {
      const unix = connect(known.socketPath);
      assert.equal((await attesting.look({ ...fixed(connectionOf(await known.accepted())), origin }, ['unix:uid'])).refused, undefined);
      assert.equal((await attesting.look({ ...fixed(connectionOf(socket)), origin }, ['unix:uid'])).refused, 'socket-not-unix');
      unix.destroy();
    } finally {
      await known.close();
    }
    client.destroy();
    socket.destroy();
    await stopped(server);
  });

  it('T14: refuses TCP and UDP sockets that are not connected', async () => {
    assert.deepEqual([await refused(raw(AF_INET, SOCK_STREAM)), await refused(raw(AF_INET, SOCK_DGRAM))], ['socket-not-unix', 'socket-not-unix']);
  });

  it('T14: refuses datagram and packet sockets, connected or not', async () => {
    const kinds = [raw(AF_UNIX, SOCK_DGRAM), raw(AF_UNIX, SOCK_SEQPACKET), pair(SOCK_DGRAM), pair(SOCK_SEQPACKET)];
    for (const fd of kinds) assert.equal(await refused(fd), 'socket-not-stream');
  });

  it('T14: refuses a stream socket that is not connected', async () => {
    assert.equal(await refused(raw(AF_UNIX, SOCK_STREAM)), 'socket-not-connected');
  });

  it('T14: refuses a socket that listens, though its credentials are our own', async () => {
    const stage = await Stage.open();
    const server = createServer().listen(stage.at('listener'));
    await once(server, 'listening');
    assert.equal((await attesting.look(server, ['unix:uid'])).refused, 'socket-not-connected');
    await stopped(server);
    await stage.close();
  });

  it('T14: refuses what is no socket, no descriptor, or closed', async () => {
    const file = openSync('/dev/null', 'r');
    opened.push(file);
    const gone = raw(AF_UNIX, SOCK_STREAM);
    closeSync(opened.pop()!);
    for (const fd of [undefined, -1 as Fd, 1 << 20 as Fd, gone, file as Fd]) assert.equal(await refused(fd), 'no-descriptor', String(fd));
  });

  it('T14: refuses a connection that was closed before it was pinned', async function () {
    needPeerPidFd(this); // the weaker pin does not ask the socket
    const stage = await Stage.open();
    const client = connect(stage.socketPath);
    const socket = await stage.accepted();
    const connection = connectionOf(socket);
    let asked = 0;
    const closing: Connection = { origin: undefined, get fd() { return (asked += 1) === 1 ? connection.fd : undefined; } };
    assert.equal((await attesting.look(closing, ['linux:live-uid'])).refused, 'no-descriptor');
    client.destroy();
    await stage.close();
  });

  describe('T15: ourselves', () => {
    it('T15: refuses a connection from this very process', async () => {
      const strict = new Attesting();
      const stage = await Stage.open();
      const client = connect(stage.socketPath);
      assert.equal((await strict.look(await stage.accepted(), ['unix:uid'])).refused, 'self-connection');
      client.destroy();
      await stage.close();
      await strict.close();
    });

    it('T15: refuses one end of a socket pair of our own', async () => {
      const strict = new Attesting();
      assert.equal((await strict.look({ fd: pair(SOCK_STREAM), origin: undefined }, ['unix:uid'])).refused, 'self-connection');
      await strict.close();
    });

    it('T15: `self: allow` lets both reach the policy', async () => {
      const stage = await Stage.open();
      const client = connect(stage.socketPath);
      const look = await attesting.look(await stage.accepted(), ['unix:uid', 'unix:same-uid', 'unix:path', 'linux:pin']);
      assert.deepEqual([look.refused, look.value('unix:uid'), look.value('unix:same-uid')], [undefined, process.geteuid?.(), true]);
      assert.equal((await attesting.look({ fd: pair(SOCK_STREAM), origin: undefined }, ['unix:uid'])).refused, undefined);
      client.destroy();
      await stage.close();
    });
  });
});

function fixed(connection: Connection): { readonly fd: Fd | undefined } {
  return { fd: connection.fd };
}

function stopped(server: Server): Promise<unknown> {
  return new Promise((resolve) => server.close(resolve));
}

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import type { Fd } from '@portcullis/core';
import { AF_UNIX, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../../dist/ffi/constants.js';
import { libc } from '../../dist/ffi/libc.js';
import { descriptors, needLinux, port, rawBind, refusalOf, Scratch } from './scratch.js';

const AF_INET = 2;

describe('safe listen: adopt', () => {
  let scratch: Scratch;
  before(function () { needLinux(this); });
  beforeEach(() => { scratch = new Scratch(); });
  afterEach(() => { scratch.remove(); });

  function refuses(fd: number, reason: string): void {
    const before = descriptors();
    const { code, facts } = refusalOf(() => { port.adopt(fd as Fd); });
    assert.deepEqual([code, facts['fd'], facts['reason']], ['LISTEN_NOT_A_LISTENER', fd, reason]);
    assert.equal(descriptors(), before, 'it closed, or opened, a descriptor that is the caller\'s');
  }

  it('takes a Unix stream socket that listens, whoever bound it', () => {
    const fd = rawBind(scratch.at('s'));
    libc().listen(fd, 1);
    port.adopt(fd);
    closeSync(fd);
  });

  it('refuses a socket that is bound and does not listen', () => {
    const fd = rawBind(scratch.at('s'));
    refuses(fd, 'not-listening');
    closeSync(fd);
  });

  for (const [what, type] of [['datagram', SOCK_DGRAM], ['seqpacket', SOCK_SEQPACKET]] as const) {
    it(`refuses a Unix ${what} socket`, () => {
      const fd = rawBind(scratch.at('s'), type);
      libc().listen(fd, 1);
      refuses(fd, 'type');
      closeSync(fd);
    });
  }

  it('refuses a TCP socket, listening or not (T14)', () => {
    const fd = libc().socket(AF_INET, SOCK_STREAM, 0);
    refuses(fd, 'domain');
    assert.equal(libc().listen(fd, 1), 0);
    refuses(fd, 'domain');
    closeSync(fd);
  });

  it('refuses an unconnected Unix socket without a name', () => {
    const fd = libc().socket(AF_UNIX, SOCK_STREAM, 0);
    refuses(fd, 'not-listening');
    closeSync(fd);
  });

  it('refuses a file and a descriptor that is not open', () => {
    const fd = openSync('/dev/null', 'r');
    refuses(fd, 'no-socket');
    closeSync(fd);
    refuses(987_654, 'no-socket');
    refuses(-1, 'no-socket');
  });
});

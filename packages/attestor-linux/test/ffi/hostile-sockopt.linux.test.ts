import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { probeCapabilities } from '@portcullis/attestor-linux';
import type { Fd, Pid, SelectorKey } from '@portcullis/core';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import { INVALID_ID, SO_ACCEPTCONN, SO_COOKIE, SO_DOMAIN, SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD, SO_PEERSEC, SO_PROTOCOL, SO_TYPE } from '../../dist/ffi/constants.js';
import { SysFailure } from '../../dist/ffi/errno.js';
import { pidfdOpen } from '../../dist/ffi/pidfd.js';
import { getAcceptConn, getCookie, getDomain, getPeerCred, getPeerGroups, getPeerPidFd, getPeerSec, getProtocol, getType } from '../../dist/ffi/sockopt.js';
import { Attesting } from '../support/attesting.js';
import { descriptorLinks } from '../support/descriptors.js';
import { ERRNOS } from '../support/errnos.js';
import { needLinux, needPidfdInfo } from '../support/features.js';
import { fuzzOptions, type OptionAnswer } from '../support/fuzz-options.js';
import { Stage } from '../support/stage.js';

const RUNS = { numRuns: Math.ceil(300 * fuzzFactor()) };

/** No call is made more often for one answer: 256 bytes grow to 256 KiB in ten steps. */
const MOST_CALLS = 12;

const errnos = fc.constantFrom(...ERRNOS).map((errno): OptionAnswer => ({ errno }));
const lengths = fc.oneof(fc.integer({ min: -8, max: 4200 }), fc.constantFrom(-0x8000_0000, 0x7fff_ffff, 0, 4, 8, 12));
/** Of the length that the answer is said to have, and of others. */
const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size }).map((given): OptionAnswer => ({ given, says: size }));
const noise = fc.tuple(fc.uint8Array({ maxLength: 4096 }), fc.option(lengths)).map(([given, says]): OptionAnswer => ({ given, says: says ?? given.length }));
const anyOf = (size: number) => fc.oneof(errnos, bytes(size), noise);

const view = (given: Uint8Array) => new DataView(given.buffer, given.byteOffset, given.byteLength);
const words = (given: Uint8Array) => Array.from({ length: given.length / 4 }, (_, at) => view(given).getUint32(at * 4, true));
/** The words of `struct ucred` where only so many bytes of it were written. */
const written = (given: Uint8Array) => {
  const ids = new Uint8Array(Uint32Array.of(0, INVALID_ID, INVALID_ID).buffer);
  ids.set(given.subarray(0, ids.length));
  return words(ids);
};

describe('T21: socket options that answer anything', function () {
  this.timeout(fuzzMs(60_000));

  before(function () { needLinux(this); });

  /** What `get` makes of an answer: what it was, or a failure; never an exception, nor a call again and again. */
  function outcome<T>(option: number, answer: OptionAnswer, get: (fd: Fd) => T | SysFailure): T | SysFailure {
    const door = fuzzOptions(new Map([[option, answer]]));
    try {
      return get(0 as Fd);
    } finally {
      door.stop();
      assert.ok(door.calls <= MOST_CALLS, `${String(door.calls)} calls`);
    }
  }

  const fixed: readonly (readonly [name: string, option: number, size: number, get: (fd: Fd) => unknown, meant: (given: DataView) => unknown])[] = [
    ['SO_DOMAIN', SO_DOMAIN, 4, getDomain, (given) => given.getInt32(0, true)],
    ['SO_TYPE', SO_TYPE, 4, getType, (given) => given.getInt32(0, true)],
    ['SO_PROTOCOL', SO_PROTOCOL, 4, getProtocol, (given) => given.getInt32(0, true)],
    ['SO_ACCEPTCONN', SO_ACCEPTCONN, 4, getAcceptConn, (given) => given.getInt32(0, true) !== 0],
    ['SO_COOKIE', SO_COOKIE, 8, getCookie, (given) => given.getBigUint64(0, true)],
    ['SO_PEERCRED', SO_PEERCRED, 12, getPeerCred, (given) => ({ pid: given.getInt32(0, true), uid: given.getUint32(4, true), gid: given.getUint32(8, true) })],
  ];
  for (const [name, option, size, get, meant] of fixed) {
    it(`T21: ${name} is what was answered where that has its size, and a failure otherwise`, () => {
      fc.assert(fc.property(anyOf(size), (answer) => {
        const found = outcome(option, answer, get);
        if ('errno' in answer) assert.equal((found as SysFailure).errno, answer.errno);
        else if (!('given' in answer)) return;
        else if (answer.says === size && answer.given.length >= size) assert.deepEqual(found, meant(view(answer.given)));
        else if (answer.says !== size) assert.ok(found instanceof SysFailure);
      }), RUNS);
    });
  }

  it('T21: SO_PEERCRED is nobody where nothing was written, and never who was asked for before', () => {
    outcome(SO_PEERCRED, { given: new Uint8Array(12), says: 12 }, getPeerCred);
    assert.deepEqual(outcome(SO_PEERCRED, { given: new Uint8Array(), says: 12 }, getPeerCred), { pid: 0, uid: INVALID_ID, gid: INVALID_ID });
  });

  it('T21: SO_PEERPIDFD is a descriptor, and a failure where the answer can be none', () => {
    const peer = (answer: OptionAnswer) => outcome(SO_PEERPIDFD, answer, getPeerPidFd);
    assert.equal(peer({ given: Uint8Array.of(7, 0, 0, 0), says: 4 }), 7);
    for (const given of [[], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80]]) assert.ok(peer({ given: Uint8Array.from(given), says: 4 }) instanceof SysFailure, String(given));
    fc.assert(fc.property(anyOf(4), (answer) => {
      const found = peer(answer);
      assert.ok(found instanceof SysFailure || found >= 0);
    }), RUNS);
  });

  it('T21: SO_PEERGROUPS is every group that was answered, once and in order, and a failure where the list is torn', () => {
    fc.assert(fc.property(fc.oneof(errnos, noise, fc.array(fc.nat(5)).map((ids) => ({ given: new Uint8Array(Uint32Array.from(ids).buffer), says: ids.length * 4 }))), (answer) => {
      const found = outcome(SO_PEERGROUPS, answer, getPeerGroups);
      if (found instanceof SysFailure || !('given' in answer) || answer.says !== answer.given.length) return;
      assert.equal(answer.says % 4, 0);
      assert.deepEqual(found, [...new Set(words(answer.given))].sort((one, other) => one - other));
    }), RUNS);
  });

  it('T21: SO_PEERSEC is as many bytes as were answered, and none of an answer before', () => {
    fc.assert(fc.property(fc.oneof(errnos, noise), (answer) => {
      const found = outcome(SO_PEERSEC, answer, getPeerSec);
      if (found instanceof SysFailure) return;
      assert.ok('given' in answer && found.length === answer.says);
      if (answer.says === answer.given.length) assert.deepEqual(found, answer.given);
    }), RUNS);
  });

  it('T21: a list that never fits is given up', () => {
    for (const says of [0, -1, 256, 0x7fff_ffff]) {
      const found = outcome(SO_PEERGROUPS, { given: new Uint8Array(), says, tooSmall: true }, getPeerGroups);
      assert.ok(found instanceof SysFailure);
    }
  });

  describe('of a peer', () => {
    const KEYS: readonly SelectorKey[] = ['unix:uid', 'unix:gid', 'unix:group', 'linux:pin', 'linux:label', 'unix:path'];
    let stage: Stage;
    let client: Socket;
    let socket: Socket;
    let stranger: ChildProcess;
    before(async () => {
      stage = await Stage.open();
      client = connect(stage.socketPath);
      socket = await stage.accepted();
      stranger = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
    });
    after(async () => {
      client.destroy();
      stranger.kill('SIGKILL');
      await stage.close();
    });

    /** But for those of Node's threads: a peer of another uid is looked at in one. */
    const held = () => descriptorLinks().filter((link) => !/^(anon_inode:\[event|pipe:)/.test(link)).sort();

    /** A new descriptor each time, as the kernel gives one: closing it is the attestor's. */
    const descriptors = fc.constantFrom<(() => number)[]>(
      () => openSync('/dev/null', 'r'), () => openSync('/proc/self', 'r'), () => -1, () => 0x3fff_ffff,
      () => pidfdOpen(process.pid as Pid) as number, () => pidfdOpen((stranger.pid ?? 0) as Pid) as number,
    ).map((open): OptionAnswer => ({ open }));
    const own = () => Uint32Array.of(process.pid, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    /** The true credentials with one word changed: what noise seldom comes near to. */
    const nearly = fc.tuple(fc.nat(2), fc.oneof(fc.nat(4000), fc.constantFrom(0xffff_ffff, 0x7fff_ffff, 65_534))).map(([at, word]): OptionAnswer => {
      const ids = own();
      ids[at] = word;
      return { given: new Uint8Array(ids.buffer), says: 12 };
    });
    const answersOf: ReadonlyMap<number, fc.Arbitrary<OptionAnswer>> = new Map([
      [SO_DOMAIN, anyOf(4)], [SO_TYPE, anyOf(4)], [SO_PEERCRED, fc.oneof(nearly, anyOf(12))], [SO_PEERGROUPS, fc.oneof(errnos, noise)], [SO_PEERSEC, fc.oneof(errnos, noise)],
      [SO_PEERPIDFD, fc.oneof(errnos, descriptors)], [SO_ACCEPTCONN, anyOf(4)],
    ]);
    /** The kernel lies about one option, or about two. */
    const cases = fc.subarray([...answersOf], { minLength: 1, maxLength: 2 }).chain((chosen) => fc.tuple(...chosen.map(([option, answer]) => answer.map((one) => [option, one] as const))));

    it('T21: is refused with a code, or has what was answered and the program of its own process', async () => {
      const program = readlinkSync('/proc/self/exe');
      const { pidfdInfo } = probeCapabilities();
      const seen = new Set<string>();
      await fc.assert(fc.asyncProperty(cases, async (given) => {
        const answers = new Map(given);
        const before = held();
        const attesting = new Attesting({ self: 'allow' });
        const door = fuzzOptions(answers);
        try {
          const look = await attesting.look(socket, KEYS);
          seen.add(look.refused ?? 'admitted');
          if (look.refused !== undefined) return;
          const credentials = answers.get(SO_PEERCRED);
          const [, uid, gid] = credentials !== undefined && 'given' in credentials ? written(credentials.given) : own();
          assert.deepEqual([look.value('unix:uid'), look.value('unix:gid')], [uid, gid]);
          // Before PIDFD_GET_INFO nothing compares the two answers that say which process it is.
          const oneProcess = pidfdInfo || !(answers.has(SO_PEERCRED) || answers.has(SO_PEERPIDFD));
          if (oneProcess && look.entry('unix:path').state === 'present') assert.equal(look.value('unix:path'), program);
        } finally {
          door.stop();
          await attesting.close();
          assert.deepEqual(held(), before);
        }
      }), RUNS);
      assert.ok(seen.has('admitted') && seen.size > 3, [...seen].join(' ')); // the property was about something
    });

    it('T21: is refused where SO_PEERCRED names a living process of the same user, and SO_PEERPIDFD another', async function () {
      needPidfdInfo(this);
      const before = held();
      const other = (stranger.pid ?? 0) as Pid;
      const ids = own();
      ids[0] = other;
      const lies: readonly (readonly [number, OptionAnswer])[] = [
        [SO_PEERCRED, { given: new Uint8Array(ids.buffer), says: 12 }], [SO_PEERPIDFD, { open: () => pidfdOpen(other) as number }],
      ];
      for (const [told, refused] of [[lies.slice(0, 1), 'pin-failed'], [lies.slice(1), 'pin-failed'], [lies, undefined]] as const) {
        const attesting = new Attesting({ self: 'allow' });
        const door = fuzzOptions(new Map(told));
        try {
          const look = await attesting.look(socket, KEYS);
          assert.equal(look.refused, refused);
          if (refused === undefined) assert.equal(look.value('unix:path'), readlinkSync(`/proc/${String(other)}/exe`));
        } finally {
          door.stop();
          await attesting.close();
        }
      }
      assert.deepEqual(held(), before);
    });
  });
});

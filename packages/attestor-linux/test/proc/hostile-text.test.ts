import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fuzzFactor, fuzzMs } from '@portcullis/testkit';
import { cgroupIdentity } from '../../dist/proc/cgroup-identity.js';
import { decodeLine, decodeText, fieldText, latin1Text, parseUint } from '../../dist/proc/decode.js';
import { parseAuxv } from '../../dist/proc/parse-auxv.js';
import { parseCgroup } from '../../dist/proc/parse-cgroup.js';
import { parseCmdline } from '../../dist/proc/parse-cmdline.js';
import { lookupEnviron } from '../../dist/proc/parse-environ.js';
import { parsePidfdInfo } from '../../dist/proc/parse-fdinfo.js';
import { isFullIdentity, parseIdMap } from '../../dist/proc/parse-id-map.js';
import { parseAppArmorLabel, parseSelinuxLabel } from '../../dist/proc/parse-label.js';
import { parseOpenFilesLimit } from '../../dist/proc/parse-limits.js';
import { parseExecutableMaps } from '../../dist/proc/parse-maps.js';
import { parseStat } from '../../dist/proc/parse-stat.js';
import { parseStatus } from '../../dist/proc/parse-status.js';
import { fixture } from './fixtures.js';

const RUNS = { numRuns: Math.ceil(200 * fuzzFactor()) };

/** What people break parsers with. */
const NASTY = ['\0', '\n', '\r\n', '\t', '\x1b[2J', '\\n', '\\012', ':', '::', '0::/', ' (deleted)', ') R 1 1', 'Uid:\t0\t0\t0\t0\n', 'Pid:\t1\n', '-1', '4294967296', '99999999999999999999', '/../', '__proto__', '\u202e', '\ufeff', '%s', '=', ' (enforce)']
  .map((text) => Buffer.from(text));
const INVALID_UTF8 = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]].map((bytes) => Buffer.from(bytes));

/** A capture with pieces of it cut, doubled, made long, or replaced by what hurts; or noise alone. */
function hostileOf(captures: readonly string[]): fc.Arbitrary<Buffer> {
  const capture = fc.constantFrom(...captures.map(fixture));
  const piece = fc.oneof(
    fc.constantFrom(...NASTY, ...INVALID_UTF8),
    fc.uint8Array({ maxLength: 32 }).map((noise) => Buffer.from(noise)),
    fc.tuple(fc.constantFrom(...NASTY, Buffer.from('x')), fc.constantFrom(255, 4096, 65_536)).map(([one, size]) => Buffer.alloc(size, one)),
  );
  const edit = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(200), piece);
  const damaged = fc.tuple(capture, fc.array(edit, { maxLength: 4 })).map(([whole, edits]) => edits.reduce((text, [at, gone, put]) => {
    const from = Math.floor(at * text.length);
    return Buffer.concat([text.subarray(0, from), put, text.subarray(from + gone)]);
  }, whole));
  const truncated = fc.tuple(capture, fc.double({ min: 0, max: 1, noNaN: true })).map(([whole, share]) => whole.subarray(0, Math.floor(whole.length * share)));
  return fc.oneof(damaged, truncated, fc.uint8Array({ maxLength: 600 }).map((noise) => Buffer.from(noise)), fc.array(piece, { maxLength: 6 }).map((pieces) => Buffer.concat(pieces)));
}

function holds<T>(captures: readonly string[], parse: (bytes: Buffer) => T | undefined, check: (value: T, bytes: Buffer) => void): void {
  fc.assert(fc.property(hostileOf(captures), (bytes) => {
    const as = Buffer.from(bytes);
    const value = parse(bytes);
    assert.deepEqual(bytes, as); // lent memory: nobody writes to it
    if (value !== undefined) check(value, bytes);
  }), RUNS);
  for (const capture of captures) assert.notEqual(parse(fixture(capture)), undefined, capture); // else nothing was tested
}

const isUint = (value: number, most: number): void => { assert.ok(Number.isInteger(value) && value >= 0 && value <= most, String(value)); };
const U32 = 0xffff_ffff;
const PID = 0x7fff_ffff;

describe('T21: hostile text below /proc is read strictly or not at all', function () {
  this.timeout(fuzzMs(60_000));

  it('T21: stat', () => {
    holds(['host-hybrid/stat', 'hostile-comm-paren/stat', 'zombie/stat'], parseStat, ({ pid, ppid, startTimeTicks, state, commBytes }, bytes) => {
      isUint(pid, PID);
      isUint(ppid, PID);
      isUint(startTimeTicks, Number.MAX_SAFE_INTEGER);
      assert.match(state, /^[A-Za-z]$/);
      assert.ok(commBytes.length < bytes.length);
      assert.equal(bytes.toString('latin1', 0, bytes.indexOf(' ')), String(pid).padStart(bytes.indexOf(' '), '0'));
    });
  });

  it('T21: status', () => {
    holds(['host-hybrid/status', 'hostile-comm-newline/status', 'podman-cgroupfs-hybrid/status'], parseStatus, (status, bytes) => {
      for (const id of [...status.uids, ...status.gids, ...(status.groups === 'too-many' ? [] : status.groups)]) isUint(id, U32);
      for (const pid of [status.pid, status.tgid, status.ppid, status.tracerPid]) isUint(pid, PID);
      for (const key of ['Uid', 'Gid', 'TracerPid', 'CapEff']) assert.equal(bytes.toString('latin1').split(`\n${key}:`).length, 2, key);
    });
  });

  it('T21: cgroup, and who it makes of a process', () => {
    const captures = ['host-hybrid/cgroup', 'docker-systemd-v2/cgroup', 'kubernetes-cgroupfs-v1/cgroup', 'hostile-cgroup-name-hybrid/cgroup', 'systemd-service-v2/cgroup'];
    holds(captures, parseCgroup, (lines, bytes) => {
      assert.ok(lines.length <= 64 && lines.length === bytes.toString('latin1').split('\n').length - 1);
      for (const { path, controllers } of lines) {
        assert.ok(path.startsWith('/') && path.length <= 4096 && !/[\0\n]/.test(path));
        assert.ok(bytes.includes(Buffer.from(path)));
        for (const name of controllers) assert.match(name, /^[A-Za-z0-9_.=-]*$/);
      }
      for (const namespaced of [false, true]) {
        const identity = cgroupIdentity(lines, { namespaced });
        assert.ok(identity !== undefined && (identity.container === undefined || identity.lookalike === undefined));
        if (identity.container !== undefined) assert.match(identity.container.id, /^[0-9a-f]{64}$/);
        assert.ok((identity.why ?? '').length < 400);
      }
    });
  });

  it('T21: maps', () => {
    holds(['host-hybrid/maps', 'hostile-maps/maps'], parseExecutableMaps, (mappings, bytes) => {
      let last = 0n;
      for (const { start, end, perms, name, devMajor, devMinor } of mappings) {
        assert.ok(start >= last && end > start && perms[2] === 'x');
        last = end;
        isUint(devMajor, U32);
        isUint(devMinor, U32);
        assert.ok(bytes.includes(Buffer.from(name, 'latin1')) && !name.includes('\n'));
      }
    });
  });

  it('T21: cmdline', () => {
    holds(['environ-cmdline/cmdline', 'podman-cgroupfs-hybrid/cmdline'], parseCmdline, (args, bytes) => {
      assert.ok(args.length <= 4096 && bytes.length <= 128 * 1024);
      const spelled = Buffer.from(args.join('\0'));
      assert.ok(spelled.equals(bytes) || Buffer.concat([spelled, Buffer.alloc(1)]).equals(bytes));
    });
  });

  it('T21: environ', () => {
    fc.assert(fc.property(hostileOf(['environ-cmdline/environ']), fc.constantFrom('HOME', 'PATH', '__proto__', 'A=B', '', 'x\0y'), fc.boolean(), (bytes, name, complete) => {
      const found = lookupEnviron(bytes, name, complete);
      if (found.state === 'present') {
        assert.ok(bytes.includes(Buffer.from(`${name}=${String(found.values[0])}`)) && !String(found.values[0]).includes('\0'));
        assert.ok(String(found.values[0]).length <= 64 * 1024);
      } else if (found.state === 'absent') assert.ok(complete || !/^[^=\0]+$/.test(name));
    }), RUNS);
  });

  it('T21: fdinfo of a pidfd', () => {
    holds(['pidfd-fdinfo/fdinfo.live', 'pidfd-fdinfo/fdinfo.zombie', 'pidfd-fdinfo/fdinfo.reaped'], parsePidfdInfo, (info, bytes) => {
      if (info.state === 'pinned') assert.ok(bytes.includes(`Pid:\t`) && info.pid > 0 && info.pid <= PID);
    });
  });

  it('T21: id maps', () => {
    holds(['user-namespace/uid_map', 'host-hybrid/uid_map'], parseIdMap, (extents) => {
      for (const { inside, outside, count } of extents) for (const id of [inside, outside, count]) isUint(id, U32);
      assert.ok(extents.length <= 340 && typeof isFullIdentity(extents) === 'boolean');
    });
  });

  it('T21: limits', () => {
    holds(['host-hybrid/limits'], parseOpenFilesLimit, ({ soft, hard }) => { assert.ok(soft >= 0 && soft <= hard); });
  });

  it('T21: the auxiliary vector', () => {
    holds(['host-hybrid/auxv'], parseAuxv, ({ entry, random, secure }, bytes) => {
      assert.ok(bytes.length <= 4096 && bytes.length % 16 === 0);
      for (const word of [entry, random]) assert.ok(word === undefined || (word >= 0n && word < 1n << 64n));
      assert.ok(secure === undefined || typeof secure === 'boolean');
    });
  });

  it('T21: labels: a field is a part of the label as it stands, and names no other key', () => {
    const word = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('unconfined', 'kernel', ' (enforce)', ' (complain)', ':', 's0:c0,c1', '\n', '\x1b[2J', '__proto__', 'x'.repeat(65_536)));
    fc.assert(fc.property(fc.array(word, { maxLength: 6 }), (words) => {
      const label = words.join('');
      for (const [source, fields] of [['linux:apparmor-', parseAppArmorLabel(label)], ['linux:selinux-', parseSelinuxLabel(label)]] as const) {
        for (const [key, value] of fields ?? []) assert.ok(key.startsWith(source) && value !== '' && label.includes(value));
      }
    }), RUNS);
  });

  it('T21: decoding keeps every byte or gives up: nothing is replaced', () => {
    fc.assert(fc.property(hostileOf(['hostile-comm-not-utf8/stat']), fc.nat(70_000), (bytes, most) => {
      const text = decodeText(bytes, most);
      if (text !== undefined) assert.ok(bytes.length <= most && Buffer.from(text).equals(bytes));
      const line = decodeLine(bytes, most);
      if (line !== undefined) assert.ok(!/[\0\n]/.test(line) && bytes.subarray(0, Buffer.byteLength(line)).equals(Buffer.from(line)));
      const latin1 = latin1Text(bytes, most);
      if (latin1 !== undefined) assert.ok(latin1.length === bytes.length && fieldText(latin1) === decodeText(bytes));
      const number = parseUint(text, U32);
      if (number !== undefined) assert.ok(/^[0-9]{1,16}$/.test(text ?? '') && Number(text) === number && number <= U32);
    }), RUNS);
  });
});

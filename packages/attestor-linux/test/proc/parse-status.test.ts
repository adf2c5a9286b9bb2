import assert from 'node:assert/strict';
import fc from 'fast-check';
import { capabilityName, capabilityNames } from '../../dist/proc/capability-names.js';
import { MAX_U32, MOST_GROUPS } from '../../dist/proc/decode.js';
import { parseStatus } from '../../dist/proc/parse-status.js';
import { bytes, fixture, hostile, scenariosWith } from './fixtures.js';

const plain = fixture('hostile-comm-paren/status').toString('latin1');

function edited(from: RegExp | string, to: string): ReturnType<typeof parseStatus> {
  const text = plain.replace(from, to);
  assert.notEqual(text, plain);
  return parseStatus(Buffer.from(text, 'latin1'));
}

describe('parse-status', () => {
  it('reads ids, groups and sets of a process that gave up root', () => {
    const status = parseStatus(fixture('hostile-comm-paren/status'));
    assert.deepEqual(status?.uids, [1000, 1000, 1000, 1000]);
    assert.deepEqual(status.gids, [1000, 1000, 1000, 1000]);
    assert.deepEqual(status.groups, [4, 24, 1000]);
    assert.equal(status.tracerPid, 0);
    assert.equal(status.threads, 1);
    assert.equal(status.noNewPrivs, false);
    assert.equal(status.seccomp, 'disabled');
    assert.equal(status.pidNamespaceDepth, 1);
    assert.deepEqual(status.capabilities.effective, []);
    assert.ok(status.capabilities.bounding.includes('cap_sys_admin'));
  });

  it('reads a container: filtered, eleven capabilities, one pid namespace down', () => {
    const status = parseStatus(fixture('podman-cgroupfs-hybrid/status'));
    assert.equal(status?.seccomp, 'filter');
    assert.equal(status.pidNamespaceDepth, 2);
    assert.deepEqual(status.capabilities.effective, [
      'cap_chown',
      'cap_dac_override',
      'cap_fowner',
      'cap_fsetid',
      'cap_kill',
      'cap_setgid',
      'cap_setuid',
      'cap_setpcap',
      'cap_net_bind_service',
      'cap_sys_chroot',
      'cap_setfcap',
    ]);
    assert.deepEqual(status.groups, []);
  });

  it('decodes no more groups than are believed (T20)', () => {
    const of = (gids: readonly number[]) => edited(/^Groups:.*$/m, `Groups:\t${gids.map((gid) => `${String(gid)} `).join('')}`)?.groups;
    const gids = Array.from({ length: MOST_GROUPS }, (_, at) => MAX_U32 - MOST_GROUPS + at);
    assert.deepEqual(of(gids), gids);
    assert.deepEqual([of([...gids, 1]), of([...gids.map(() => 1), 1]), of(Array.from({ length: 65_536 }, (_, gid) => gid))], ['too-many', 'too-many', 'too-many']);
  });

  it('counts pid namespaces from ours', () => {
    assert.equal(parseStatus(fixture('child-pid-namespace/status'))?.pidNamespaceDepth, 2);
  });

  for (const scenario of scenariosWith('status')) {
    it(`understands ${scenario}`, () => {
      assert.ok(parseStatus(fixture(`${scenario}/status`)));
    });
  }

  it('takes the ids from the kernel where the comm spells a Uid line', () => {
    assert.deepEqual(parseStatus(fixture('hostile-comm-newline/status'))?.uids, [1000, 1000, 1000, 1000]);
  });

  it('refuses whole a text where the comm was not escaped and made a second Uid line', () => {
    assert.equal(edited(/^Name:.*$/m, 'Name:\tx\nUid:\t0\t0\t0\t0'), undefined);
  });

  it('has the same answer for every comm that the kernel escaped', () => {
    const { ...expected } = parseStatus(Buffer.from(plain, 'latin1'));
    const escaped = fc.uint8Array({ maxLength: 15 }).map((raw) => Buffer.from(raw).toString('latin1').replaceAll('\\', '\\\\').replaceAll('\n', '\\n'));
    fc.assert(
      fc.property(escaped, (comm) => {
        const text = plain.replace(/^Name:.*$/m, () => `Name:\t${comm}`);
        assert.deepEqual(parseStatus(Buffer.from(text, 'latin1')), expected);
      }),
    );
  });

  it('never reads different ids out of a comm that the kernel did not escape', () => {
    const nasty = fc.constantFrom('\n', 'Uid:\t', 'Gid:\t', '0', '\t0\t0\t0\t0', 'Groups:\t', 'x', 'Seccomp:\t0', 'TracerPid:\t0');
    fc.assert(
      fc.property(fc.array(nasty, { maxLength: 8 }), (parts) => {
        const status = parseStatus(Buffer.from(plain.replace(/^Name:.*$/m, () => `Name:\t${parts.join('')}`), 'latin1'));
        if (status !== undefined) assert.deepEqual([status.uids, status.groups], [[1000, 1000, 1000, 1000], [4, 24, 1000]]);
      }),
    );
  });

  it('leaves undefined what an older kernel does not print', () => {
    const text = plain.replace(/^(?:NoNewPrivs|Seccomp|Seccomp_filters|NSpid|CapAmb):.*\n/gm, '');
    const status = parseStatus(Buffer.from(text, 'latin1'));
    assert.ok(status);
    assert.deepEqual([status.noNewPrivs, status.seccomp, status.pidNamespaceDepth, status.capabilities.ambient], [undefined, undefined, undefined, undefined]);
  });

  it('refuses what no kernel prints: a missing, short, long or malformed line, a mode that we do not know', () => {
    for (const key of ['Uid', 'Gid', 'Groups', 'TracerPid', 'PPid', 'CapEff', 'Threads']) assert.equal(edited(new RegExp(`^${key}:.*\n`, 'm'), ''), undefined);
    assert.equal(edited(/^Uid:.*$/m, 'Uid:\t0\t0\t0'), undefined);
    assert.equal(edited(/^Uid:.*$/m, 'Uid:\t0\t0\t0\t0\t0'), undefined);
    assert.equal(edited(/^Uid:.*$/m, 'Uid:\t0\t0\t0\t4294967296'), undefined);
    assert.equal(edited(/^Groups:.*$/m, 'Groups:\t4 x '), undefined);
    assert.equal(edited(/^Groups:.*$/m, 'Groups:\t4  5 '), undefined);
    assert.equal(edited(/^CapEff:.*$/m, 'CapEff:\t0'), undefined);
    assert.equal(edited(/^Seccomp:.*$/m, 'Seccomp:\t3'), undefined);
    assert.equal(edited(/^NoNewPrivs:.*$/m, 'NoNewPrivs:\t2'), undefined);
    assert.equal(edited(/\n$/, ''), undefined);
  });

  it('keeps 4294967295, which the kernel does print', () => {
    assert.deepEqual(edited(/^Uid:.*$/m, 'Uid:\t0\t4294967295\t65534\t0')?.uids, [0, 4294967295, 65534, 0]);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('podman-cgroupfs-hybrid/status'), (noise) => (parseStatus(noise), true)));
    assert.equal(parseStatus(bytes('')), undefined);
  });
});

describe('capability names', () => {
  it('spells a bit that is newer than its table by number', () => {
    assert.deepEqual(capabilityNames('8000020000001000'), ['cap_net_admin', 'cap_41', 'cap_63']);
  });

  it('names every set of bits, and each bit once', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (mask) => {
        const expected = Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
        assert.deepEqual(capabilityNames(mask.toString(16).padStart(16, '0')), expected.map(capabilityName));
      }),
    );
    assert.equal(capabilityName(12), 'cap_net_admin');
    assert.equal(capabilityName(21), 'cap_sys_admin');
    assert.equal(capabilityName(40), 'cap_checkpoint_restore');
  });
});

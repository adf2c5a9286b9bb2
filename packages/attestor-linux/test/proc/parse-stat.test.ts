import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseStat } from '../../dist/proc/parse-stat.js';
import { bytes, fixture, hostile, scenariosWith } from './fixtures.js';

/** What do_task_stat prints, with `comm` raw. */
function print(pid: number, comm: Uint8Array, state: string, ppid: number, startTimeTicks: number): Buffer {
  const rest = `${state} ${String(ppid)} 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 ${String(startTimeTicks)} 3796992 380 18446744073709551615 0\n`;
  return Buffer.concat([bytes(`${String(pid)} (`), comm, bytes(`) ${rest}`)]);
}

describe('parse-stat', () => {
  for (const scenario of scenariosWith('stat')) {
    it(`agrees with what status says of ${scenario}`, () => {
      const stat = parseStat(fixture(`${scenario}/stat`));
      const status = fixture(`${scenario}/status`).toString('latin1');
      // host-hybrid was captured by two `cat`s: two pids, one parent.
      if (scenario !== 'host-hybrid') assert.match(status, new RegExp(`^Pid:\t${String(stat?.pid)}$`, 'm'));
      assert.match(status, new RegExp(`^PPid:\t${String(stat?.ppid)}$`, 'm'));
    });
  }

  it('is not moved by a comm that closes the parenthesis and goes on with fields', () => {
    const stat = parseStat(fixture('hostile-comm-paren/stat'));
    assert.equal(bytes(') R 1 1 0 0 0').compare(stat?.commBytes ?? bytes('')), 0);
    assert.ok(stat && stat.ppid > 1 && stat.startTimeTicks > 1);
  });

  it('reads past a comm that is not UTF-8, and past a newline in one', () => {
    const [notUtf8, newline] = ['hostile-comm-not-utf8', 'hostile-comm-newline'].map((scenario) => parseStat(fixture(`${scenario}/stat`)));
    assert.equal(notUtf8?.ppid, newline?.ppid);
    assert.ok(newline?.commBytes.includes(0x0a));
  });

  it('says the state of a zombie and of a kernel thread', () => {
    assert.equal(parseStat(fixture('zombie/stat'))?.state, 'Z');
    assert.equal(parseStat(fixture('kernel-thread/stat'))?.ppid, 0);
  });

  it('gives back what was printed, whatever the comm', () => {
    const number = fc.nat(0x7fffffff);
    const ticks = fc.nat(Number.MAX_SAFE_INTEGER);
    const state = fc.constantFrom('R', 'S', 'D', 'Z', 'T', 't', 'X', 'I');
    const nasty = fc.constantFrom(') R 1 1', '(', ')', ') ', ' (', '\n', '1 (a) R ').map(bytes);
    const comm = fc.oneof(fc.uint8Array({ maxLength: 64 }), nasty);
    fc.assert(
      fc.property(number, comm, state, number, ticks, (pid, name, letter, ppid, startTimeTicks) => {
        const stat = parseStat(print(pid, name, letter, ppid, startTimeTicks));
        assert.ok(stat);
        assert.deepEqual({ ...stat, commBytes: Buffer.from(stat.commBytes) }, { pid, commBytes: Buffer.from(name), state: letter, ppid, startTimeTicks });
      }),
    );
  });

  it('refuses a text that was cut short, at every length', () => {
    const whole = fixture('host-hybrid/stat');
    for (let length = 0; length < whole.length; length += 1) assert.equal(parseStat(whole.subarray(0, length)), undefined);
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(hostile('host-hybrid/stat'), (noise) => (parseStat(noise), true)));
  });
});

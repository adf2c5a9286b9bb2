import assert from 'node:assert/strict';
import { activatedFd } from '../dist/index.js';

const PID = 77;
const env = (fds: string, names: string, pid = String(PID)): NodeJS.ProcessEnv => ({ LISTEN_FDS: fds, LISTEN_FDNAMES: names, LISTEN_PID: pid });

describe('socket activation', () => {
  it('counts descriptors from three, by name', () => {
    assert.deepEqual(['a', 'b', 'c'].map((name) => activatedFd(name, env('3', 'a:b:c'), PID)), [3, 4, 5]);
  });

  const refused: Readonly<Record<string, readonly [string, NodeJS.ProcessEnv]>> = {
    'nothing was passed': ['a', {}],
    'none was passed': ['a', env('0', '')],
    'the count is no number': ['a', env('one', 'a')],
    'the count is negative': ['a', env('-1', 'a')],
    'the count is beyond all measure': ['a', env('99999999', 'a')],
    'they are for another process': ['a', env('1', 'a', '78')],
    'nobody says for which process': ['a', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'a' }],
    'the process id has something behind it': ['a', env('1', 'a', '77 ')],
    'none has that name': ['d', env('3', 'a:b:c')],
    'they have no names': ['a', { LISTEN_FDS: '1', LISTEN_PID: String(PID) }],
    'the name is that of a descriptor that was not passed': ['b', env('1', 'a:b')],
    'two have that name': ['a', env('2', 'a:a')],
    'the name is spelled otherwise': ['A', env('1', 'a')],
  };
  for (const [what, [name, environment]] of Object.entries(refused)) {
    it(`is refused where ${what}`, () => {
      assert.throws(() => activatedFd(name, environment, PID), { code: 'LISTEN_ACTIVATION' });
    });
  }
});

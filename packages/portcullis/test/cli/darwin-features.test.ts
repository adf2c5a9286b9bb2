import assert from 'node:assert/strict';
import { darwinFeatures } from '../../dist/doctor/darwin-features.js';

const ALL = { peerToken: true, pidPath: true, codeSigning: true, validationCategory: true };

describe('doctor on macOS', () => {
  it('says of every missing feature what it costs', () => {
    for (const [feature, id] of [['peerToken', 'peer-token'], ['pidPath', 'pid-path'], ['codeSigning', 'code-signing'], ['validationCategory', 'validation-category']] as const) {
      const check = darwinFeatures({ ...ALL, [feature]: false }).find((one) => one.id === id);
      assert.equal(check?.verdict, 'weaker');
      assert.notEqual(check.cost ?? '', '');
    }
  });

  it('says of a Mac that has them all what stays weaker than on Linux (T23)', () => {
    assert.deepEqual(darwinFeatures(ALL).filter(({ verdict }) => verdict !== 'good').map(({ id }) => id), ['peer-process']);
  });
});

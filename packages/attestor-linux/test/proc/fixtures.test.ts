import assert from 'node:assert/strict';
import { fixture, scenarios } from './fixtures.js';

describe('proc fixtures', () => {
  for (const scenario of scenarios()) {
    it(`${scenario} says whether a kernel made it, which one, and how`, () => {
      const readme = fixture(`${scenario}/README.md`).toString();
      assert.match(readme, /^Real capture\. .*Linux \d|^Reconstructed from documentation/m);
    });
  }
});

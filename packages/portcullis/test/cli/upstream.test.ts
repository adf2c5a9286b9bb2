import assert from 'node:assert/strict';
import { formatUpstream, parseUpstream } from 'portcullis';

describe('parseUpstream', () => {
  for (const text of ['unix:/run/app.sock', 'tcp:127.0.0.1:8080', 'tcp:[::1]:8080', 'tcp:10.0.0.1:65535']) {
    it(`reads and spells ${text}`, () => {
      const upstream = parseUpstream(text);
      assert.ok(upstream !== undefined);
      assert.equal(formatUpstream(upstream), text);
    });
  }

  for (const text of ['', 'unix:', 'unix:run/app.sock', `unix:/${'x'.repeat(107)}`, 'unix:/a\0b', 'tcp:localhost:80', 'tcp:127.0.0.1', 'tcp:127.0.0.1:0', 'tcp:127.0.0.1:65536', 'tcp:::1:80', 'tcp:[127.0.0.1]:80', 'tcp:1.2.3:80', 'http://x', 'tcp:127.0.0.1:80 ']) {
    it(`does not read ${JSON.stringify(text)}`, () => { assert.equal(parseUpstream(text), undefined); });
  }
});

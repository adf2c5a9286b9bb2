import assert from 'node:assert/strict';
import type { LineOutput } from '../../dist/records/line-output.js';
import { RecordSink } from '../../dist/records/record-sink.js';

describe('a record sink', () => {
  it('writes JSON that no terminal acts on (I11)', () => {
    const lines: string[] = [];
    const output: LineOutput = { write: (line) => { lines.push(line); }, lost: 0, flush: () => Promise.resolve() };
    const event = { event: 'failure', time: '1970-01-01T00:00:00.000Z', listener: 'docker', where: 'sink', error: '\u009b31m\u007f\u202e\u2028' } as const;
    new RecordSink(output).write(event);
    assert.match(lines.join(''), /^[\x20-\x7e]+\n$/);
    assert.deepEqual(JSON.parse(lines.join('')), event);
  });
});

// Run by Node's own test runner: the kit is the same there.
import { describe, it } from 'node:test';
import { attestorConformance } from '../../dist/conformance/index.js';
import { fakePeerSource } from '../../dist/testing/index.js';
import { HONEST } from './broken-attestors.js';

attestorConformance({ describe: (title, define) => { void describe(title, define); }, it: (title, run) => { void it(title, run); } }, {
  setup: () => ({
    attestor: HONEST(),
    open() {
      const peer = fakePeerSource().open({ fd: undefined, origin: undefined });
      if ('refused' in peer) throw new Error('a fake is not refused');
      return peer;
    },
  }),
});

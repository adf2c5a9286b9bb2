import { once } from 'node:events';
import type { Socket } from 'node:net';
import { attestorConformance } from '@portcullis/core/conformance';
import type { Libc } from '../dist/ffi/libc.js';
import { anyLibc } from './support/any-libc.js';
import { LSOF, needLsof } from './support/features.js';
import { connectionOf, DarwinAttestor, DarwinPeerSource, opened, Stage, type Puppet } from './support/stage.js';

/** What Open Directory would say of the names that are examples in the catalogue; on a Mac it is asked itself. */
const directory = process.platform === 'darwin' ? {} : { directory: (database: string): Promise<number | undefined> => Promise.resolve(database === 'passwd' ? 501 : undefined) };

/** On Linux by the stand-in for libSystem: with that, it shows the conduct of our code, and nothing of Darwin's. */
describe('the Darwin attestor, by the conformance kit', () => {
  let libc: Libc;
  let stage: Stage | undefined;
  before(function () {
    needLsof(this);
    libc = anyLibc(this);
  });

  attestorConformance({ describe, it }, {
    kills: true,
    deadlineMs: 30_000, // lsof is run for every admission
    async setup() {
      const made = (stage = await Stage.open());
      const source = new DarwinPeerSource({ libc });
      /** Connections of one process: many would be many seconds. */
      let living: { readonly puppet: Puppet; readonly socket: Socket } | undefined;
      return {
        attestor: new DarwinAttestor({ lsof: { path: LSOF }, ...directory }),
        open: async () => opened(source.open(connectionOf((living ??= await made.connected()).socket))),
        async kill() {
          if (living === undefined) throw new Error('no peer was opened');
          const { child } = living.puppet;
          if (child.exitCode !== null || child.signalCode !== null) return;
          child.kill('SIGKILL');
          await once(child, 'exit');
        },
      };
    },
    teardown() {
      stage?.close();
    },
  });
});

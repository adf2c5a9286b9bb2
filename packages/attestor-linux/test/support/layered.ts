import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync } from 'node:fs';
import { requireFeature } from '@portcullis/testkit';
import type { Context } from 'mocha';
import { compiled } from './compile.js';
import { needUserNamespaces, SOMEBODY } from './features.js';
import type { PeerProcess } from './peer-process.js';
import type { Stage } from './stage.js';

export interface Layered {
  readonly peer: PeerProcess;
  /** What readers of the file are given. */
  readonly honest: string;
}

/** A puppet that runs from an overlay of its user's own, over FUSE: see `peers/layered.c`. */
export async function layered(test: Context, stage: Stage, socketPath: string, { frozen = 0 } = {}): Promise<Layered> {
  needUserNamespaces(test);
  requireFeature(test, 'fuse', existsSync('/dev/fuse'), 'there is no /dev/fuse');
  const device = stage.at('fuse');
  requireFeature(test, 'fuse', spawnSync('/bin/mknod', ['-m', '666', device, 'c', '10', '229']).status === 0, 'no device can be made here');
  const [evil, honest] = [stage.install(compiled('puppet'), 'evil'), stage.install(compiled('puppet'), 'honest')];
  appendFileSync(evil, 'a');
  appendFileSync(honest, 'b');
  chmodSync(device, 0o666); // whatever the umask
  const peer = stage.start(compiled('layered'), [device, String(SOMEBODY), honest, evil, String(frozen), socketPath]);
  const said = await peer.line();
  requireFeature(test, 'user-overlay', said === 'ready', `this kernel does not let it happen: ${said}`);
  return { peer, honest };
}

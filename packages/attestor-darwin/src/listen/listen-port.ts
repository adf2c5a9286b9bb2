import type { BindOptions, BoundSocket, ListenPort } from '@portcullis/core';
import { settle } from '@portcullis/core/platform/listen';
import { systemLibc, type Libc } from '../ffi/libc.js';
import { adopt } from './adopt.js';
import { bindHeld } from './bind.js';
import { walkToParent } from './walk.js';

/**
 * The safe listen of macOS (T18): options, walk, bind, each a step that throws a `PortcullisError` `LISTEN_*` and leaves
 * neither a descriptor nor a name behind. Synchronous throughout: the working folder of the thread and the umask are
 * changed for the time of single calls.
 */
export function darwinListenPort(libc: Libc = systemLibc()): ListenPort {
  return {
    bind(options: BindOptions): BoundSocket {
      const settled = settle(options);
      return bindHeld(libc, walkToParent(libc, settled.path, settled.granted), settled);
    },
    adopt: (fd) => { adopt(libc, fd); },
  };
}

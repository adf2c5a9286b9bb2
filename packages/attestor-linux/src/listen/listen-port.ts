import type { BindOptions, BoundSocket, ListenPort } from '@portcullis/core';
import { adopt } from './adopt.js';
import { bindHeld } from './bind.js';
import { settle } from './options.js';
import { STREAM } from './socket-plan.js';
import { walkToParent } from './walk.js';

/**
 * The safe listen of Linux (T18): options, walk, bind, each a step that throws a `PortcullisError` `LISTEN_*` and leaves
 * neither a descriptor nor a name behind.
 */
export function linuxListenPort(): ListenPort {
  return { bind: (options) => bind(options), adopt: (fd) => { adopt(fd); } };
}

/** Options, walk, bind. */
export function bind(options: BindOptions, plan = STREAM): BoundSocket {
  const settled = settle(options);
  return bindHeld(walkToParent(settled.path, settled.granted), settled, plan);
}

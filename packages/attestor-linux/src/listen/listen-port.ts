import type { BindOptions, BoundSocket, ListenPort } from '@portcullis/core';
import { settle } from '@portcullis/core/platform/listen';
import { probeCapabilities } from '../capabilities.js';
import { nameSenders } from '../messages/passing.js';
import { adopt } from './adopt.js';
import { bindHeld } from './bind.js';
import { namedStream, STREAM } from './socket-plan.js';
import { walkToParent } from './walk.js';

const NAMED_STREAM = namedStream((fd) => nameSenders(fd, probeCapabilities()));

/**
 * The safe listen of Linux (T18): options, walk, bind, each a step that throws a `PortcullisError` `LISTEN_*` and leaves
 * neither a descriptor nor a name behind.
 */
export function linuxListenPort(): ListenPort {
  return { bind: (options) => bind(options, options.nameSenders === true ? NAMED_STREAM : STREAM), adopt: (fd) => { adopt(fd); } };
}

/** Options, walk, bind. */
export function bind(options: BindOptions, plan = STREAM): BoundSocket {
  const settled = settle(options);
  return bindHeld(walkToParent(settled.path, settled.granted), settled, plan);
}

import type { BindOptions, BoundSocket, ListenPort } from '@portcullis/core';
import { settle } from '@portcullis/core/platform/listen';
import { probeCapabilities } from '../capabilities.js';
import { refuseRights } from '../ffi/sockopt.js';
import { nameSenders, nameSendersOnly } from '../messages/passing.js';
import { adopt } from './adopt.js';
import { bindHeld } from './bind.js';
import { preparedStream, STREAM, type SocketPlan } from './socket-plan.js';
import { walkToParent } from './walk.js';

const NAMED = preparedStream((fd) => nameSenders(fd, probeCapabilities()));
const NAMED_ONLY = preparedStream((fd) => nameSendersOnly(fd, probeCapabilities()));
const PLAIN_ONLY = preparedStream((fd) => { refuseRights(fd); return undefined; });

/**
 * The safe listen of Linux (T18): options, walk, bind, each a step that throws a `PortcullisError` `LISTEN_*` and leaves
 * neither a descriptor nor a name behind.
 */
export function linuxListenPort(): ListenPort {
  return { bind: (options) => bind(options, planOf(options)), adopt: (fd) => { adopt(fd); }, refuseDescriptors: (fd) => { refuseRights(fd); } };
}

function planOf({ nameSenders: named, refuseDescriptors: only }: BindOptions): SocketPlan {
  if (named === true) return only === true ? NAMED_ONLY : NAMED;
  return only === true ? PLAIN_ONLY : STREAM;
}

/** Options, walk, bind. */
export function bind(options: BindOptions, plan = STREAM): BoundSocket {
  const settled = settle(options);
  return bindHeld(walkToParent(settled.path, settled.granted), settled, plan);
}

import type { PortcullisError } from '../../errors.js';
import type { Inode } from './inode.js';
import { failureFacts, inodeFacts, refusal, type FailedCall } from './refusal.js';

/**
 * Why a path counts as in use: a socket is bound to it; the kernel did not answer whether one is (`unproven`); another
 * gateway was faster (`race`); another gateway is at this name, and does not finish (`locked`).
 */
export type InUseReason = 'bound' | 'unproven' | 'race' | 'locked';

const WHY: Readonly<Record<InUseReason, readonly [message: string, remedy: string]>> = {
  bound: ['a process still holds its socket', 'stop that process, or choose another path'],
  unproven: ['nobody could say whether its socket is dead', 'remove the path by hand when no process uses it'],
  race: ['another process took it at the same time', 'run one gateway a path'],
  locked: ['another gateway is starting or stopping there', 'see which process holds the lock file beside it'],
};

/** `LISTEN_IN_USE` */
export function inUse(path: string, component: string, reason: InUseReason, failure?: FailedCall, inode?: Inode): PortcullisError {
  const [why, remedy] = WHY[reason];
  return refusal({
    code: 'LISTEN_IN_USE',
    message: `\`${component}\` is in use: ${why}`,
    remedy,
    facts: {
      path,
      component,
      reason,
      ...(inode === undefined ? {} : inodeFacts(inode)),
      ...(failure === undefined ? {} : failureFacts(failure)),
    },
    cause: failure,
  });
}

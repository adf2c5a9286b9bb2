import type { Catalogue } from './catalogue.js';
import type { Decision, RefusalCode } from './decision.js';
import type { SelectorKey } from './selector.js';
import { costRank } from './tiers.js';

/**
 * What observe mode does not let pass either: not a connection of the kind that this gate attests (T14). Whoever is behind
 * it, no policy could ever admit it, and a service that was meant for local peers must not be opened to others.
 */
const NEVER_OBSERVED: ReadonlySet<RefusalCode> = new Set([
  'no-descriptor', 'socket-not-unix', 'socket-not-stream', 'socket-not-tcp', 'socket-not-connected', 'credentials-invalid',
  'address-not-loopback', 'foreign-network',
] satisfies RefusalCode[]);

/**
 * Whether observe mode hands on a connection of which this was decided. It overrules the policy, deadlines, defects and what
 * is said of a peer; never a cap, since room is not the policy's to give (T20), nor the end of the gate.
 */
export function passesObserved({ effect, cause, code }: Decision): boolean {
  if (effect === 'allow') return true;
  if (cause === 'capacity' || cause === 'closing') return false;
  return code === undefined || !NEVER_OBSERVED.has(code);
}

/** What observe mode collects of everyone: all that costs no more than a few small reads, and nothing sensitive (I10). */
export function observedKeys(catalogue: Catalogue): readonly SelectorKey[] {
  return catalogue.definitions()
    .filter(({ key, cost, sensitive }) => costRank(cost) <= costRank('proc') && sensitive !== true && !key.endsWith(':*'))
    .map(({ key }) => key);
}

import type { ListenerSpec } from '../gateway/gateway-spec.js';
import type { Check } from './report.js';

/** The listeners of a gateway that refuse nobody: each is said, whatever else is in order. */
export function observing(listeners: readonly ListenerSpec[]): readonly Check[] {
  return listeners.filter(({ observe }) => observe === true).map(({ name }) => ({
    id: 'observe', verdict: 'weaker', found: `listener \`${name}\` ONLY OBSERVES`, cost: 'everyone is admitted, nobody is refused: remove `observe` once the records show what was meant',
  }));
}

import { DescriptorBudget, type PeerSource } from '@portcullis/core';

/** Of one admitted connection: its socket, the upstream's, and two that a peer holds while it is attested. */
export const DESCRIPTORS_PER_CONNECTION = 4;

/** The budget that all listeners of a gateway share; undefined where the platform cannot tell. */
export function gatewayBudget(source: PeerSource): DescriptorBudget | undefined {
  const use = source.descriptorUse?.();
  return use && new DescriptorBudget(use, DESCRIPTORS_PER_CONNECTION);
}

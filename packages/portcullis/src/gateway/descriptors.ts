import { budgetOf, type DescriptorBudget, type PeerSource } from '@portcullis/core';

/** Of one admitted connection: its socket, and the upstream's. */
const DESCRIPTORS_PER_CONNECTION = 2;

/** The budget that all listeners of a gateway share; undefined where the platform cannot tell. */
export function gatewayBudget(source: PeerSource): DescriptorBudget | undefined {
  return budgetOf(source, DESCRIPTORS_PER_CONNECTION);
}

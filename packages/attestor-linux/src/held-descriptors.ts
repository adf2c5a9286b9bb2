let held = 0;

/** What peers, their program images and leases hold open, and what leases will hold that have not begun (T20). */
export function heldDescriptors(): number {
  return held;
}

/** Counts descriptors that are opened, or with a minus, closed. */
export function countHeld(change: number): void {
  held += change;
}

let held = 0;

/** What peers, their program images, leases and connections of message receivers hold open, and what leases will hold that have not begun (T20). */
export function heldDescriptors(): number {
  return held;
}

/** Counts descriptors that are opened, or with a minus, closed. */
export function countHeld(change: number): void {
  held += change;
}

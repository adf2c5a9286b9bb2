import type { UnknownReason } from '@portcullis/core';

/** Why the bus, or the manager behind it, could not be asked: an outcome, not a defect. */
export class BusFailure extends Error {
  readonly why: UnknownReason;

  constructor(message: string, why: UnknownReason = 'service-down') {
    super(message);
    this.why = why;
  }
}

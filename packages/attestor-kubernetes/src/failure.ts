import type { UnknownReason } from '@portcullis/core';

/** Why the kubelet could not be asked: an outcome, not a defect. */
export class KubeletFailure extends Error {
  readonly why: UnknownReason;

  constructor(message: string, why: UnknownReason = 'service-down') {
    super(message);
    this.why = why;
  }
}

import { PortcullisError, unknown, type Unknown, type UnknownReason } from '@portcullis/core';

/** Why the daemon said nothing that can be used. Never leaves this package: it becomes a finding. */
export class DaemonFailure extends Error {
  readonly why: UnknownReason;

  constructor(why: UnknownReason, message: string) {
    super(message);
    this.why = why;
  }
}

/** Every failure is one of a service, and makes its keys unknown: none refuses who needs no container's facts. */
export function unknownOf(error: unknown): Unknown {
  if (error instanceof DaemonFailure) return unknown(error.why, error.message);
  if (error instanceof PortcullisError) return unknown(error.code === 'CONNECT_TIMEOUT' ? 'timeout' : 'service-down', error.message);
  return unknown('service-down', error instanceof Error ? `${codeOf(error)}${error.message}` : 'the daemon cannot be asked');
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
}

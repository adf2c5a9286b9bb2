import type { ErrorCode } from './error-codes.js';

/** Facts of an error as fields, so that nobody has to parse a message. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | undefined>>;

/** A failure with a stable code. The message tells this step only; `cause` tells the step below. */
export class PortcullisError extends Error {
  override readonly name = 'PortcullisError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, options: { readonly cause?: unknown; readonly facts?: ErrorFacts } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.facts = options.facts ?? {};
  }
}

/**
 * The chain of causes, outermost first, one line a step:
 *
 *     POLICY_READ cannot read `policy.yaml`
 *       because ENOENT no such file or directory, open 'policy.yaml'
 */
export function formatErrorChain(error: unknown): string {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  for (let step = error; step !== undefined && !seen.has(step) && lines.length < 16; ) {
    seen.add(step);
    lines.push(`${lines.length === 0 ? '' : '  because '}${formatStep(step)}`);
    step = step instanceof Error ? step.cause : undefined;
  }
  return lines.join('\n');
}

function formatStep(step: unknown): string {
  if (!(step instanceof Error)) return String(step);
  const code: unknown = 'code' in step ? step.code : undefined;
  if (typeof code !== 'string' || step.message.startsWith(code)) return step.message;
  return `${code} ${step.message}`;
}

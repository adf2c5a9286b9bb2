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
  return textOf(step).replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** I11: a path or a label in a message may hold what a terminal would obey. Line ends stay: policy findings have several lines. */
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

function textOf(step: unknown): string {
  try {
    if (!(step instanceof Error)) return String(step);
    const code: unknown = 'code' in step ? step.code : undefined;
    if (typeof code !== 'string' || step.message.startsWith(code)) return step.message;
    return `${code} ${step.message}`;
  } catch {
    return 'something that cannot be shown was thrown';
  }
}

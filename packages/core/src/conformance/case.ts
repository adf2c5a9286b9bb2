import type { Asking } from './asking.js';
import type { ConformanceSubject } from './subject.js';

/** One thing that an attestor must do. Throws, or rejects, where it does not. */
export type Case = readonly [title: string, run: (subject: ConformanceSubject, ask: Asking) => void | Promise<void>];

export function caseOf(title: string, run: Case[1]): Case {
  return [title, run];
}

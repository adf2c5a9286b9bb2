import { ANSWER_CASES } from './answer-cases.js';
import { Asking } from './asking.js';
import { CONDUCT_CASES, DEATH_CASES } from './conduct-cases.js';
import type { ConformanceRunner } from './runner.js';
import type { ConformanceOptions, ConformanceSubject } from './subject.js';

export type { ConformanceRunner } from './runner.js';
export type { ConformanceOptions, ConformanceSubject } from './subject.js';

/**
 * Defines the tests that say when an attestor is done, with mocha (`{ describe, it }`) or `node:test`. `setup` makes an
 * attestor and says how to open peers, anew for each case; `teardown` removes what it made.
 */
export function attestorConformance(runner: ConformanceRunner, options: ConformanceOptions): void {
  const { setup, teardown, kills = false } = options;
  runner.describe('an attestor', () => {
    for (const [title, run] of [...ANSWER_CASES, ...CONDUCT_CASES, ...(kills ? DEATH_CASES : [])]) {
      runner.it(title, async () => {
        const subject = await setup();
        const ask = new Asking(options);
        try {
          await run(subject, ask);
        } finally {
          await end(subject, ask, teardown);
        }
      });
    }
  });
}

/** All of it, also where one part of it fails. */
async function end(subject: ConformanceSubject, ask: Asking, teardown: ConformanceOptions['teardown']): Promise<void> {
  try {
    await ask.closePeers();
  } finally {
    try {
      await subject.attestor.close?.();
    } finally {
      await teardown?.(subject);
    }
  }
}

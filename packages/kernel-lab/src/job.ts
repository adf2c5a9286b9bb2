import type { Module } from './series.js';

/** Where a guest finds what it is to do. */
export const JOB_FILE = '/lab/job.json';
/** Where a guest says what it saw, one JSON a line; the host reads it as a file. */
export const REPORT_DEVICE = '/dev/ttyS1';

/** The user that a guest plays besides root. */
export const USER_ID = 1000;
export type Who = 'root' | 'user';
export const WHO: readonly Who[] = ['root', 'user'];

/** What a guest does. */
export interface Job {
  readonly module: Module;
  /** Files and folders of the tests, without what follows: each runs in a process of its own, one after the other. */
  readonly parts: readonly string[];
  readonly who: readonly Who[];
  /** What the tests as root must not skip for want of it (`PORTCULLIS_EXPECT`). */
  readonly features: readonly string[];
}

/** What mocha's reporter counts (`scripts/mocha/reporter.mjs`). */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly notRun: number;
  readonly tookMs: number;
  readonly failures: readonly string[];
  readonly skips: readonly { readonly title: string; readonly reason: string | null }[];
  readonly neverAsked: readonly string[];
}

/** A line of the report. */
export type Said =
  | { readonly kernel: string }
  | { readonly who: Who; readonly feature: string; readonly value: string }
  | { readonly who: Who; readonly part: string; readonly counts: Counts }
  | { readonly failed: string }
  | { readonly done: true };

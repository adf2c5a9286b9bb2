/** What became of the way out. `broken`: nothing gets through for now, or ever; decisions go on without. */
export interface OutputTrouble {
  readonly error: Error;
  /** Whether it can never work again: the reader is gone. */
  readonly final: boolean;
}

/**
 * Takes text and gets it out in order, without ever blocking the event loop or throwing. What does not get out is counted
 * and dropped beyond a bound: records wait for nobody, and nobody waits for records.
 */
export interface LineOutput {
  write(text: string): void;
  /** Resolves once all that was written got out, or cannot. */
  flush(): Promise<void>;
  /** Lines that were dropped so far. */
  readonly lost: number;
}

/** Bytes that may wait for a slow reader. */
export const MOST_WAITING = 8 * 1024 * 1024;

export function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

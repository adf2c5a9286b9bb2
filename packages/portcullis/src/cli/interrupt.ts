import { constants } from 'node:os';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Lets go of something before a signal ends this command, and ends it with 128 and the signal's number. To be called
 * before there is anything to let go of: what is held for a moment without this would be left behind.
 * @returns takes it back
 */
export function onInterrupt(release: () => void): () => void {
  const end = (signal: typeof ENDING[number]): void => {
    release();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ENDING) process.on(signal, end);
  return () => { for (const signal of ENDING) process.off(signal, end); };
}

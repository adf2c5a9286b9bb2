/** Work that is done in steps, for who has something else to do between them: each takes some milliseconds at most. */
export type Steps<T> = Generator<undefined, T>;

/** How many of something small make one step. */
export const OF_A_STEP = 512;

/** All steps, one after the other. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

import type { DecisionRecord } from '@portcullis/core';

/** Hears of every decision, and knows who waits for which. */
export class Recorder {
  /** Decisions on nobody that the demo sent. */
  onOther: ((record: DecisionRecord) => void) | undefined;
  #waiting: { readonly pid: number; readonly take: (record: DecisionRecord) => void } | undefined;

  record(record: DecisionRecord): void {
    const pid = record.peer?.pid ?? this.#waiting?.pid; // one that nothing is known of is the one we wait for
    if (this.#waiting?.pid === pid) this.#waiting?.take(record);
    else this.onOther?.(record);
  }

  /** The decision on this process; undefined when `until` is over and none came. One at a time. */
  async of(pid: number, until: Promise<unknown>): Promise<DecisionRecord | undefined> {
    const record = await new Promise<DecisionRecord | undefined>((resolve) => {
      this.#waiting = { pid, take: resolve };
      until.then(() => { resolve(undefined); }, () => { resolve(undefined); });
    });
    this.#waiting = undefined;
    return record;
  }
}

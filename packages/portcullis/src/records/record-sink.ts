import { escapeJson } from '@portcullis/core';
import type { GatewayEvent } from './gateway-event.js';
import type { LineOutput } from './line-output.js';

/** One line a record, which is safe to show (I11). All records of one turn of the event loop leave together, at the end of that turn. */
export class RecordSink {
  readonly #output: LineOutput;
  readonly #format: (event: GatewayEvent) => string;

  constructor(output: LineOutput, format: (event: GatewayEvent) => string = (event) => escapeJson(JSON.stringify(event))) {
    this.#output = output;
    this.#format = format;
  }

  write(event: GatewayEvent): void {
    this.#output.write(`${this.#format(event)}\n`);
  }

  /** Records that did not get out. */
  get lost(): number {
    return this.#output.lost;
  }

  flush(): Promise<void> {
    return this.#output.flush();
  }
}

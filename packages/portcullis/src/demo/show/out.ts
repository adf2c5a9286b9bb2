import { colorsFor, type Colors } from '../../cli/colors.js';
import { line, painted, wrap } from './line.js';

/** Where people read: the terminal, 100 columns where it is none. */
export class Out {
  readonly stream: NodeJS.WriteStream;
  readonly colors: Colors;

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream;
    this.colors = colorsFor(stream);
  }

  get width(): number {
    return Math.min(Math.max(this.stream.isTTY ? this.stream.columns : 100, 60), 120);
  }

  print(text = ''): void {
    this.stream.write(`${text}\n`);
  }

  /** A paragraph, wrapped. */
  say(text: string, paint?: (text: string) => string): void {
    for (const one of wrap(line(text, paint), this.width)) this.print(painted(one));
  }

  /** `  name   text`, with the text wrapped below itself. */
  item(name: string, text: string): void {
    this.#hanging(this.colors.bold(name.padEnd(8)), 10, text);
  }

  bullet(text: string): void {
    this.#hanging('- ', 4, text);
  }

  /** What is being done, on a terminal: the next output takes its place. */
  progress(text: string): void {
    if (this.stream.isTTY) this.stream.write(`\r\u001b[2K${this.colors.dim(text.slice(0, this.width - 1))}`);
  }

  endProgress(): void {
    if (this.stream.isTTY) this.stream.write('\r\u001b[2K');
  }

  #hanging(head: string, indent: number, text: string): void {
    const [first, ...rest] = wrap(line(' '.repeat(indent) + text), this.width);
    this.print(`  ${head}${first?.text.slice(indent) ?? ''}`);
    for (const one of rest) this.print(one.text);
  }
}

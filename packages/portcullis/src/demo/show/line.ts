/** One line of text, and how it is coloured once it has its length. Text that came from outside is escaped before (I11). */
export interface Line {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

export function line(text: string, paint?: (text: string) => string): Line {
  return paint === undefined ? { text } : { text, paint };
}

export function painted({ text, paint }: Line): string {
  return paint === undefined ? text : paint(text);
}

/** Breaks at spaces, and in words that are longer than a line. Further lines keep the indentation of the first. */
export function wrap({ text, paint }: Line, width: number): readonly Line[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const most = Math.max(width - indent.length, 8);
  const lines: string[] = [];
  let current = '';
  for (let word of text.trim().split(' ')) {
    while (word !== '') {
      const room = most - (current === '' ? 0 : current.length + 1);
      // A long word begins where there is room for a fair part of it.
      const part = word.length <= room ? word : word.length > most && room >= most / 3 ? word.slice(0, room) : undefined;
      if (part === undefined) {
        lines.push(current);
        current = '';
        continue;
      }
      current = current === '' ? part : `${current} ${part}`;
      word = word.slice(part.length);
    }
  }
  return [...lines, current].map((one) => line(indent + one, paint));
}

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** Labels of users, by uid. */
export type Table = ReadonlyMap<number, readonly string[]>;

const MOST_BYTES = 1024 * 1024;
const LABEL = /^[\x20-\x7e]{1,128}$/;
const OTHERS_WRITE = 0o022;

/** Reads the table. Whoever could change it could say who may come in: it has to be root's, or ours, alone. */
export function readTable(path: string): Table {
  const fd = openSync(path, 'r');
  try {
    const { uid, mode, size } = fstatSync(fd); // of what was opened, and not of what stands there by now
    if ((uid !== 0 && uid !== process.geteuid?.()) || (mode & OTHERS_WRITE) !== 0) throw new Error(`others may change \`${path}\``);
    if (size > MOST_BYTES) throw new Error(`\`${path}\` is larger than ${String(MOST_BYTES)} bytes`);
    return parseTable(readFileSync(fd, 'utf8'));
  } finally {
    closeSync(fd);
  }
}

/** `{ "1000": ["blue"] }`. One mistake, and there is no table: half of one would be a wrong answer. */
export function parseTable(text: string): Table {
  const given: unknown = JSON.parse(text);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Error('the table must be an object of lists, by uid');
  return new Map(Object.entries(given).map(([uid, labels]) => {
    if (!/^(?:0|[1-9][0-9]{0,9})$/.test(uid)) throw new Error(`\`${uid.slice(0, 60)}\` is no uid`);
    return [Number(uid), labelsOf(uid, labels)];
  }));
}

function labelsOf(uid: string, labels: unknown): readonly string[] {
  if (!Array.isArray(labels)) throw new Error(`uid ${uid} must have a list of labels`);
  const texts = labels.filter((one): one is string => typeof one === 'string' && LABEL.test(one));
  if (texts.length < labels.length) throw new Error(`uid ${uid} has a label that is not 1 to 128 printable characters`);
  return texts;
}

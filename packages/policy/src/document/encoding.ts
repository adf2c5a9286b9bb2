import type { FindingList } from '../findings/finding.js';
import { SourceText } from '../findings/source-text.js';

/** What shows people something else than is read: the line ends of Unicode, at which editors break a comment; what turns text round. */
const MISLEADING = '\\u0085\\u2028-\\u202e\\u2066-\\u2069';
/** Besides, everything below blank but tab and line breaks; C1; DEL. */
const REFUSED = `\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u0084\\u0086-\\u009f${MISLEADING}`;
/** A carriage return alone is a line end for some editors, too. */
const CONTROL = new RegExp(`[${REFUSED}]|\\r(?!\\n)`);
const SHOWS_ANOTHER = new RegExp(`[\\r${MISLEADING}]`);
const TO_ESCAPE = new RegExp(`[${REFUSED}]`, 'g');

/** A text in double quotes, with escapes in place of what is not read as it stands. */
export function escapeRefused(quoted: string): string {
  return quoted.replace(TO_ESCAPE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Decodes a file strictly. What is not UTF-8, or holds a control character, is a finding; the text is then undefined. */
export function decodeSource(input: string | Uint8Array, file: string, maxBytes: number, findings: FindingList): SourceText {
  const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength;
  const start = { offset: 0, length: 1 };
  if (bytes > maxBytes) {
    const empty = new SourceText(file, '');
    findings.report('YAML_TOO_LARGE', empty, start, `the document has ${String(bytes)} bytes, the limit is ${String(maxBytes)}`);
    return empty;
  }
  const source = new SourceText(file, typeof input === 'string' ? input.replace(/^\ufeff/, '') : decodeBytes(input));
  const broken = typeof input === 'string' ? input.search(LONE_SURROGATE) : firstBrokenOffset(input);
  if (broken !== -1) {
    findings.report('YAML_ENCODING', source, { offset: broken, length: 1 }, 'the text is not valid UTF-8 here');
    return source;
  }
  const control = CONTROL.exec(source.text);
  if (control !== null) {
    const hex = (control[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const what = SHOWS_ANOTHER.test(control[0]) ? `the character U+${hex} shows people something else than is read` : `control character U+${hex}`;
    findings.report('YAML_CONTROL', source, { offset: control.index, length: 1 }, what);
  }
  return source;
}

function decodeBytes(bytes: Uint8Array): string {
  return new TextDecoder('utf-8').decode(bytes);
}

/** The offset in UTF-16 units of the first byte that is not UTF-8, or -1. */
function firstBrokenOffset(bytes: Uint8Array): number {
  const strict = (part: Uint8Array, stream: boolean): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(part, { stream });
      return true;
    } catch {
      return false;
    }
  };
  if (strict(bytes, false)) return -1;
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (strict(bytes.subarray(0, middle), true)) good = middle;
    else bad = middle;
  }
  return decodeBytes(bytes.subarray(0, good)).replace(/\ufffd$/, '').length;
}

import type { FindingList } from '../findings/finding.js';
import { SourceText } from '../findings/source-text.js';

/** Everything below blank but tab and line breaks; C1; DEL. */
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f]/;

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
    findings.report('YAML_CONTROL', source, { offset: control.index, length: 1 }, `control character U+${hex}`);
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

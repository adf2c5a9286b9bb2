/**
 * What could forge a line or a terminal's output: control characters, format characters (bidirectional overrides, zero
 * width, soft hyphen, tags), line and paragraph separators, lone surrogates, private and unassigned code points.
 */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const BEYOND_ASCII = /[^\x20-\x7e]/;
const MOST_CHARACTERS = 4096;

/**
 * Makes a foreign process's text safe to show (I11, T21): hostile characters become `\u{1b}`, bytes that are not UTF-8
 * become `\x{ff}`, and what is longer than 4096 characters is cut with a mark.
 */
export function escapeText(text: string | Uint8Array, most = MOST_CHARACTERS): string {
  const decoded = typeof text === 'string' ? text : decodeVisibly(text);
  const cut = decoded.length > most ? `${decoded.slice(0, most)}…` : decoded;
  return cut.replace(HOSTILE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * Makes one line of JSON, as `JSON.stringify` writes it, safe to show (I11): what is hostile becomes `\uXXXX`, which says
 * the same. Control characters below U+0020 and lone surrogates are escaped by `JSON.stringify` itself.
 */
export function escapeJson(line: string): string {
  return BEYOND_ASCII.test(line) ? line.replace(HOSTILE, asCodeUnits) : line;
}

function asCodeUnits(character: string): string {
  let escaped = '';
  for (let at = 0; at < character.length; at += 1) escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  return escaped;
}

/** Decodes UTF-8; each byte that is none becomes an escape of its own. */
function decodeVisibly(bytes: Uint8Array): string {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return strict.decode(bytes);
  } catch {
    return [...sequences(bytes)].map((part) => {
      try {
        return strict.decode(part);
      } catch {
        return [...part].map((byte) => `\\x{${byte.toString(16).padStart(2, '0')}}`).join('');
      }
    }).join('');
  }
}

/** Cuts before every byte that does not continue a sequence, and gives stray continuation bytes pieces of their own. */
function* sequences(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0;
    const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    let end = at + 1;
    while (end < at + length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end += 1;
    yield bytes.subarray(at, end);
    at = end;
  }
}

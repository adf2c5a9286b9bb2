/** Control characters, line separators and whatever turns the direction of text: they could forge a terminal's output (I11). */
const HOSTILE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;

/** Makes foreign text safe to show: hostile characters become `\u{…}` escapes, and a tab one blank. */
export function escapeText(text: string): string {
  return text.replace(HOSTILE, (character) =>
    character === '\t' ? ' ' : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Escaped, in backticks, cut to a length that fits a message. */
export function quote(text: string, max = 120): string {
  const cut = text.length > max ? `${text.slice(0, max)}…` : text;
  return `\`${escapeText(cut)}\``;
}

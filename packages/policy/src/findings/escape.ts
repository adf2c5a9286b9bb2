import { escapeText as escape } from '@portcullis/core';

/** Makes foreign text safe to show in one line (I11); a tab is one blank, so that a caret stands where it should. */
export function escapeText(text: string): string {
  return escape(text.replaceAll('\t', ' '));
}

/** Escaped, in backticks, cut to a length that fits a message. */
export function quote(text: string, max = 120): string {
  return `\`${escape(text, max)}\``;
}

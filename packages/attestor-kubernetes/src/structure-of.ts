/**
 * How many values a JSON text could have at most: its brackets, colons and commas outside of texts. Linear, and some twenty
 * times cheaper than to parse it: a million small objects cost more than their bytes say.
 */
export function structureOf(text: string): number {
  let marks = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = endOfText(text, at);
    else if (code === 0x2c || code === 0x3a || code === 0x5b || code === 0x7b) marks++; // , : [ {
  }
  return marks;
}

/** Where the text that begins at a quote ends: at one that no backslash escapes. */
function endOfText(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}

const LINE = /^SPDX-License-Identifier:[ \t]*(.*)$/;
/** Identifiers, AND, OR, WITH and parentheses: SPDX 2.3, annex D. */
const EXPRESSION = /^[A-Za-z0-9.+():-]+(?: [A-Za-z0-9.+():-]+)*$/;
const MOST = 200;

/** The licence expression that a text names, as it is written there; undefined where that is not exactly one. It is somebody else's text (I11). */
export function licenceIn(bytes) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const [found, ...others] = text.split(/\r?\n/).flatMap((line) => LINE.exec(line)?.[1] ?? []);
  return found !== undefined && others.length === 0 && found.length <= MOST && EXPRESSION.test(found) ? found : undefined;
}

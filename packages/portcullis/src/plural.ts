/** `1 error`, `2 errors`; `1 entry`, `2 entries`. */
export function plural(count: number, word: string, several = `${word}s`): string {
  return `${String(count)} ${count === 1 ? word : several}`;
}

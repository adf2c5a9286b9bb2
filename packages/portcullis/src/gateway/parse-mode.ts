const MODE = /^0?(?<octal>[0-7]{3})$/;

/** Octal permission bits, with or without a leading zero; undefined when `text` is something else. No set-id or sticky bits. */
export function parseMode(text: string): number | undefined {
  const octal = MODE.exec(text)?.groups?.['octal'];
  return octal === undefined ? undefined : Number.parseInt(octal, 8);
}

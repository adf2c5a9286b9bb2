/** How many times slower than usual this machine is, as an emulated one: `PORTCULLIS_SLOW=10`. */
export const SLOW_VARIABLE = 'PORTCULLIS_SLOW';

/** So many MiB, in bytes, or the part of them that keeps a slow machine busy for as long. */
export function mebibytes(count: number, env: NodeJS.ProcessEnv = process.env): number {
  return Math.round((count * 2 ** 20) / Number(env[SLOW_VARIABLE] ?? 1));
}

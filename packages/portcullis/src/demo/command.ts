/** How a peer is started. It waits until its input ends, and only then connects. */
export interface Command {
  /** Absolute: nothing is looked up in PATH (I9). */
  readonly path: string;
  readonly args: readonly string[];
  /** What it reads before its input ends. */
  readonly input: string;
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The same command, started by a program that does something first and then becomes it, under the same process id. */
export function by(launcher: string, args: readonly string[], { path, args: rest, ...more }: Command): Command {
  return { ...more, path: launcher, args: [...args, path, ...rest] };
}

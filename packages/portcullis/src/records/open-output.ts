import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';
import { FileOutput } from './file-output.js';
import type { LineOutput, OutputTrouble } from './line-output.js';
import { StreamOutput } from './stream-output.js';

/** The output behind this process's stdout, by what it is. */
export function openStdout(trouble: (trouble: OutputTrouble | undefined) => void): LineOutput {
  const { fd } = process.stdout;
  const stat = fstatSync(fd);
  const inPlace = stat.isFile() || (stat.isCharacterDevice() && !isatty(fd));
  return inPlace ? new FileOutput(fd, trouble) : new StreamOutput(process.stdout, trouble);
}

import { isAbsolute } from 'node:path';
import { PortcullisError } from '@portcullis/core';

/** Plain data: what a gateway file may say. */
export interface AcmeOptions {
  /** The table of labels: an absolute path. */
  readonly file: string;
}

/** A misspelled option is refused, and not passed over. @throws PortcullisError `PLUGIN_OPTIONS` */
export function optionsOf({ file, ...others }: Readonly<Record<string, unknown>>): AcmeOptions {
  const [odd] = Object.keys(others);
  if (odd !== undefined) throw wrong(odd, 'is not an option; there is `file`');
  if (typeof file !== 'string' || !isAbsolute(file)) throw wrong('file', 'must be the absolute path of the table');
  return { file };
}

function wrong(option: string, what: string): PortcullisError {
  return new PortcullisError('PLUGIN_OPTIONS', `\`${option.slice(0, 60)}\` ${what}`, { facts: { option } });
}

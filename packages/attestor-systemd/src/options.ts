import { PortcullisError } from '@portcullis/core';

export interface SystemdOptions {
  /** The message bus; the system's unless told. */
  readonly busPath?: string;
  /** Whose bus and manager must be: root's unless told. */
  readonly uid?: number;
  /** Milliseconds for all questions about one peer; below the gate's deadline, so that a slow manager makes keys unknown and no more. */
  readonly timeoutMs?: number;
}

/** Options as a gateway file has them. @throws PortcullisError `PLUGIN_OPTIONS` */
export function optionsOf(options: Readonly<Record<string, unknown>>): SystemdOptions {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'busPath') {
      if (typeof value !== 'string' || !value.startsWith('/')) throw wrong(name, 'must be an absolute path');
    } else if (name !== 'uid' && name !== 'timeoutMs') throw wrong(name, 'is not an option; there are busPath, uid, timeoutMs');
    else if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < (name === 'uid' ? 0 : 1) || value > (name === 'uid' ? 0xffff_fffe : 600_000)) {
      throw wrong(name, name === 'uid' ? 'must be a user id' : 'must be a whole number of milliseconds from 1 to 600000');
    }
  }
  return options;
}

function wrong(option: string, what: string): PortcullisError {
  return new PortcullisError('PLUGIN_OPTIONS', `\`${option}\` ${what}`, { facts: { option } });
}

import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Evidenced, PeerCredentials, SelectorKey } from '@portcullis/core';
import type { Capabilities } from '@portcullis/attestor-linux';
import { compiled } from './compile.js';
import type { PeerProcess, StartOptions } from './peer-process.js';
import type { Stage } from './stage.js';

export interface Said {
  readonly lookMs: number;
  readonly code?: string;
  readonly credentials?: PeerCredentials;
  readonly pin?: string;
  readonly fullIdMaps: boolean;
  readonly hidepid: boolean;
  readonly evidence: Readonly<Record<string, Evidenced>>;
  readonly verify?: string;
}

export interface RemoteOptions extends StartOptions {
  /** Programs that run the attestor: `unshare …`, each with its arguments. */
  readonly through?: readonly string[];
  readonly without?: Partial<Capabilities>;
}

/** An attestor in another process: as another user, or in other namespaces. */
export class RemoteAttestor {
  readonly #stage: Stage;
  readonly #process: PeerProcess;
  readonly #socketPath: string;

  private constructor(stage: Stage, started: PeerProcess, socketPath: string) {
    this.#stage = stage;
    this.#process = started;
    this.#socketPath = socketPath;
  }

  static async start(stage: Stage, keys: readonly SelectorKey[], options: RemoteOptions = {}): Promise<RemoteAttestor> {
    const folder = stage.at('remote');
    mkdirSync(folder, { mode: 0o777 });
    chmodSync(folder, 0o777);
    const socketPath = join(folder, 's');
    const script = join(import.meta.dirname, 'attestor-process.js');
    const all = [...(options.through ?? []), process.execPath, script, socketPath, keys.join(','), JSON.stringify(options.without ?? {})];
    const started = stage.start(all[0]!, all.slice(1), options);
    await started.expect('ready');
    return new RemoteAttestor(stage, started, socketPath);
  }

  /** What it says of a puppet that connects, after these commands. */
  async look(options: StartOptions & { readonly program?: string; readonly before?: readonly string[] } = {}): Promise<Said> {
    const puppet = this.#stage.start(options.program ?? compiled('puppet'), [this.#socketPath], options);
    await puppet.expect('ready');
    for (const command of [...(options.before ?? []), 'connect']) await puppet.tell(command);
    return JSON.parse(await this.#process.line()) as Said;
  }
}

/** `present`, `absent`, or the reason of an unknown. */
export function stateIn(said: Said, key: SelectorKey): string {
  const entry = said.evidence[key];
  if (entry === undefined) return `not asked, ${String(said.code)}`;
  return entry.state === 'unknown' ? `unknown ${entry.why}` : entry.state;
}

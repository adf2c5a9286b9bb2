import { setTimeout as sleep } from 'node:timers/promises';
import { dirname } from 'node:path';
import { PortcullisError } from '@portcullis/core';
import { loadPolicy, type LoadOptions } from '@portcullis/policy';
import type { LoadedAside } from './aside-job.js';
import { realPathOf } from '../real-path.js';
import { stampFile, stateOf } from './file-stamps.js';

/** A loaded policy, and the state of its files when it was read. */
export interface SteadyPolicy extends LoadedAside {
  /** The path that was asked for, and all that was read for it. */
  readonly watched: readonly string[];
  readonly state: string;
}

/** The kernel's clock for inode times may lag behind ours by a tick of its timer. */
const CLOCK_LAG_MS = 20;
const PAUSE_MS = 30;
const MOST_TRIES = 20;

/**
 * Loads a policy of which no file changed while it was read: each is read once, and afterwards none may have been
 * written, replaced or moved since the load began. Otherwise all are read again, after a pause. `also`: files that have a say
 * in whether it may take effect, and are watched with it. `load`: how, if not here and now.
 * @throws PortcullisError `POLICY_READ` when the files do not come to rest.
 */
export async function loadSteadyPolicy(path: string, options: LoadOptions, also: readonly string[] = [], load: () => LoadedAside | Promise<LoadedAside> = () => loadPolicy(path, { nowMs: Date.now(), ...options })): Promise<SteadyPolicy> {
  let seen: string | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const beganMs = Date.now() - CLOCK_LAG_MS;
    const before = stampFile(path).identity;
    const loaded = await load();
    const watched = [path, ...loaded.files, ...loaded.links.keys(), ...also];
    const folders = [...new Set([...loaded.folders, ...also.map((file) => dirname(file))])];
    const state = stateOf(watched, folders);
    const untouched = before === stampFile(path).identity && watched.every((file) => stampFile(file).changedMs < beganMs) && [...loaded.links].every(([named, real]) => realPathOf(named) === real);
    // Seen the same a pause before this load began: also right where a clock was set back and times lie in the future.
    if (untouched || state === seen) return { ...loaded, watched, folders, state };
    seen = state;
    await sleep(PAUSE_MS);
  }
  throw new PortcullisError('POLICY_READ', `the files of \`${path}\` keep changing while they are read`, { facts: { path } });
}

import type { Pid } from '@portcullis/core';
import { DaemonFailure } from './failure.js';
import { entries, list, member, sha256, text } from './read-json.js';

/** What `GET /containers/ID/json` says, as far as a key needs it. */
export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: readonly string[];
  /** Only where a variable is wanted (I10). A name that is there twice has no value that could be told. */
  readonly environment: ReadonlyMap<string, string | undefined> | undefined;
  /** The container's first process, in the daemon's pid namespace. */
  readonly pid: Pid;
}

/**
 * @param id all 64 digits, as the kernel's attestor anchored them: a daemon also finds containers by name, and one may be
 *   named like another's id.
 * @throws DaemonFailure
 */
export function containerFacts(answer: unknown, id: string, withEnvironment: boolean): ContainerFacts {
  if (member(answer, 'Id') !== id) throw new DaemonFailure('undecodable', 'the daemon answers of another container than it was asked for');
  const [state, config] = [member(answer, 'State'), member(answer, 'Config')];
  const pid = member(state, 'Pid');
  // The peer runs in it: where the daemon does not have it running, it is not the same container, or not the same run.
  if (member(state, 'Running') !== true || typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) {
    throw new DaemonFailure('peer-changed', 'the daemon says that the container does not run');
  }
  return {
    name: text(member(answer, 'Name'), 'the name').replace(/^\/(?=.)/, ''), // docker's own spelling has a slash
    image: text(member(config, 'Image'), 'the image'),
    imageId: sha256(member(answer, 'Image'), 'the id of the image'),
    labels: entries(member(config, 'Labels'), 'the list of labels').map(([name, value]) => label(name, value)),
    environment: withEnvironment ? environment(member(config, 'Env')) : undefined,
    pid: pid as Pid,
  };
}

/** A name with `=` could pass for another name and value. */
function label(name: string, value: unknown): string {
  if (name.includes('=')) throw new DaemonFailure('undecodable', 'a label has `=` in its name');
  return `${text(name, 'the name of a label')}=${value === '' ? '' : text(value, 'a label')}`;
}

/** A message never names a variable's value (I10). */
function environment(value: unknown): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  for (const one of list(value, 'the environment')) {
    const [, name, content] = /^([^=]+)=(.*)$/s.exec(text(one, 'a variable')) ?? [];
    if (name === undefined || content === undefined) continue; // one that is only named has no value
    found.set(name, found.has(name) ? undefined : content);
  }
  return found;
}

/** The digests of `GET /images/ID/json`: `name@sha256:…`; none of an image that was built here. @throws DaemonFailure */
export function imageDigests(answer: unknown, imageId: string): readonly string[] {
  if (sha256(member(answer, 'Id'), 'the id of the image') !== imageId) throw new DaemonFailure('undecodable', 'the daemon answers of another image than it was asked for');
  return list(member(answer, 'RepoDigests'), 'the list of digests').map((one) => sha256(text(one, 'a digest').replace(/^[^@]*@/, ''), 'a digest'));
}

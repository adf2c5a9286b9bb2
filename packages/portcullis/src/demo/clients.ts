import { spawnSync } from 'node:child_process';
import { copyFileSync, chmodSync, existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { runTrusted } from '@portcullis/core';
import { SOURCES, type Builder } from './build.js';
import { curl, node, visitor, type Client } from './client.js';
import { reasonOf } from './not-here.js';
import type { Workspace } from './workspace.js';

const CURLS = ['/usr/bin/curl', '/bin/curl', '/usr/local/bin/curl'];

/** The clients of this machine. */
export interface Clients {
  /** The best that there is: curl, else our own if there is a compiler, else node. */
  readonly honest: Client;
  /** Why `honest` is not a better one; undefined for curl. */
  readonly why: string | undefined;
  /** Node; undefined where the peers' user cannot run it. */
  readonly node: Client | undefined;
}

export async function findClients({ gate, programs, program }: Pick<Workspace, 'gate' | 'programs' | 'program'>, builder: Builder, uid: number): Promise<Clients> {
  const script = join(programs, 'visitor.mjs');
  copyFileSync(join(SOURCES, 'visitor.mjs'), script);
  chmodSync(script, 0o644);
  const ownNode = node(realpathSync(process.execPath), script, gate);
  const ofUser = canRun(ownNode.path, uid) ? ownNode : undefined;
  const found = await findCurl(uid);
  if ('path' in found) return { honest: curl(found.path, gate), why: undefined, node: ofUser };
  const built = builder.find('visitor');
  if (built !== undefined && canRun(built, uid)) {
    return { honest: visitor(realpathSync(built), gate), why: `${found.why}; a small client was built instead`, node: ofUser };
  }
  const why = `${found.why}; ${built === undefined ? builder.why('visitor') : `uid ${String(uid)} cannot run ${built}`}; node is left`;
  if (ofUser !== undefined) return { honest: ofUser, why, node: ofUser };
  // A node in a folder of root's own, such as /root/.nvm.
  const copy = program('node');
  copyFileSync(ownNode.path, copy);
  chmodSync(copy, 0o755);
  const copied = node(realpathSync(copy), script, gate);
  return { honest: copied, why, node: copied };
}

/** The system's curl, if nobody but root can have changed it. */
async function findCurl(uid: number): Promise<{ readonly path: string } | { readonly why: string }> {
  const path = CURLS.find((one) => existsSync(one));
  if (path === undefined) return { why: 'no curl in /usr/bin' };
  try {
    const { code } = await runTrusted(path, ['-q', '--version'], { timeoutMs: 10_000, mostBytes: 65_536 });
    if (code !== 0 || !canRun(path, uid)) return { why: `${path} cannot be run` };
    return { path: realpathSync(path) };
  } catch (error) {
    return { why: reasonOf(error) };
  }
}

function canRun(path: string, uid: number): boolean {
  const other = uid === process.geteuid?.() ? {} : { uid, gid: uid };
  return spawnSync(path, ['--version'], { ...other, env: {}, cwd: '/', stdio: 'ignore', timeout: 10_000 }).status === 0;
}

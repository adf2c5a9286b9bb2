import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { loadPolicy } from '@portcullis/policy';
import { platformCatalogue } from '../compose/platform.js';
import { SOURCES } from './build.js';
import type { Clients } from './clients.js';
import type { People } from './people.js';

export const TEMPLATE = join(SOURCES, 'policy.yaml');

/** What the shipped policy says, and stands for what is found on this machine. */
const IN_TEMPLATE = {
  people: '[0, 4711]',
  jobs: 'unix:uid: 4713',
  honest: '"/usr/bin/curl"',
  digest: '0e3dc7bd8ddd4a1b1b2e5f2c4c9a7a0d6b8f9e1d2c3b4a59687786950413223f',
  requires: 'requires: image\n',
  node: '"/usr/bin/node"',
  container: 'c0ffee11c0ffee22c0ffee33c0ffee44c0ffee55c0ffee66c0ffee77c0ffee88',
} as const;

export interface DemoPolicy {
  readonly file: string;
  /** Whether it is somebody's own, of which only is known whom it should admit. */
  readonly own: boolean;
  readonly digest: string;
  /** The container that its user's jobs are let in from. */
  readonly container: string;
}

/** Somebody's own policy: its first container is the one that jobs come from. Whether it is sound is the gateway's to say. */
export async function ownPolicy(file: string, { honest }: Clients): Promise<DemoPolicy> {
  const named = loadPolicy(file, { catalogue: await platformCatalogue() }).policy?.literals.get('container:id') ?? [];
  const [container = newContainer()] = [...named].map(String).filter((id) => /^[0-9a-f]{64}$/.test(id));
  return { file, own: true, digest: await sha256(honest.path), container };
}

/** Writes the shipped policy, with this machine's users, paths and digests. */
export async function writePolicy(file: string, { starter, user, jobs }: People, { honest, node }: Clients): Promise<DemoPolicy> {
  const digest = await sha256(honest.path);
  const container = newContainer();
  const filled: Record<keyof typeof IN_TEMPLATE, string> = {
    people: `[${[...new Set([starter, user])].join(', ')}]`,
    jobs: `unix:uid: ${String(jobs ?? 4713)}`,
    honest: JSON.stringify(honest.path), // JSON's text is YAML's too
    digest: JSON.stringify(digest),
    requires: `requires: ${honest.tier}\n`,
    node: JSON.stringify((node ?? honest).path),
    container: JSON.stringify(container),
  };
  writeFileSync(file, fill(readFileSync(TEMPLATE, 'utf8'), filled), { mode: 0o644 });
  return { file, own: false, digest, container };
}

function newContainer(): string {
  return randomBytes(32).toString('hex');
}

/** In one pass, as what was filled in may look like what is still to be filled. */
function fill(template: string, filled: Readonly<Record<keyof typeof IN_TEMPLATE, string>>): string {
  const byMarker = new Map(Object.entries(IN_TEMPLATE).map(([name, marker]) => [marker, filled[name as keyof typeof IN_TEMPLATE]]));
  const missing = [...byMarker.keys()].filter((marker) => !template.includes(marker));
  if (missing.length > 0) throw new Error(`\`${missing.join('`, `')}\` should stand in ${TEMPLATE}`);
  const markers = [...byMarker.keys()].map((marker) => marker.replaceAll(/[[\]/.]/g, '\\$&'));
  return template.replaceAll(new RegExp(markers.join('|'), 'g'), (marker) => byMarker.get(marker as Marker) ?? marker);
}

type Marker = (typeof IN_TEMPLATE)[keyof typeof IN_TEMPLATE];

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

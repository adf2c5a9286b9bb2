import { Catalogue, type SelectorDefinition, type SelectorKey, type TrustTier, type CostTier, type ValueType, type SelectorValue } from '@portcullis/core';

interface Extra {
  readonly many?: boolean;
  readonly sensitive?: boolean;
  readonly program?: boolean;
  readonly principal?: boolean;
}

function define(key: SelectorKey, value: ValueType, trust: TrustTier, cost: CostTier, example: SelectorValue, extra: Extra = {}): SelectorDefinition {
  return { key, value, many: false, trust, cost, summary: `the ${key} of the peer`, example, ...extra };
}

const ID: ValueType = { type: 'uint', max: 4294967294 };
const DIGEST: ValueType = { type: 'digest', length: 64 };

/** As the Linux and container attestors publish it, near enough. */
export const DEFINITIONS: readonly SelectorDefinition[] = [
  define('unix:uid', ID, 'kernel-connect', 'socket', 1000, { principal: true }),
  define('unix:gid', ID, 'kernel-connect', 'socket', 1000, { principal: true }),
  define('unix:user', { type: 'name' }, 'kernel-connect', 'socket', 'alice', { principal: true }),
  define('unix:supplementary_gid', ID, 'kernel-connect', 'socket', 27, { many: true, principal: true }),
  define('unix:path', { type: 'path' }, 'image', 'proc', '/usr/bin/git', { program: true }),
  define('unix:sha256', DIGEST, 'image', 'digest', 'a'.repeat(64), { program: true }),
  define('socket:early-data', { type: 'uint', max: 2147483647 }, 'kernel-live', 'socket', 0),
  define('linux:tracer', ID, 'kernel-live', 'proc', 4711),
  define('linux:label', { type: 'text' }, 'kernel-connect', 'socket', 'unconfined', { principal: true }),
  define('linux:seccomp', { type: 'enum', values: ['disabled', 'strict', 'filter'] }, 'kernel-live', 'proc', 'filter'),
  define('linux:dumpable', { type: 'boolean' }, 'kernel-live', 'proc', true),
  define('systemd:unit', { type: 'text' }, 'derived', 'proc', 'cron.service', { principal: true }),
  define('container:id', DIGEST, 'derived', 'proc', 'b'.repeat(64), { principal: true }),
  define('container:image-digest', { type: 'digest', length: 64, prefix: 'sha256:' }, 'derived', 'remote', `sha256:${'c'.repeat(64)}`, { program: true }),
  define('process:comm', { type: 'text' }, 'peer-asserted', 'proc', 'git'),
  define('env:*', { type: 'text' }, 'peer-asserted', 'proc', 'value', { sensitive: true }),
];

export const CATALOGUE = new Catalogue(DEFINITIONS);

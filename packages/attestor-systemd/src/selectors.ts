import type { SelectorDefinition } from '@portcullis/core';

/**
 * What the service manager says. `systemd:unit` and `systemd:slice` are the platform's, from the cgroup alone; SPIRE's
 * spellings of these are kept. All need the cgroup: it pins the peer, and it is what an answer is held against.
 */
export const SYSTEMD_SELECTORS: readonly SelectorDefinition[] = Object.freeze<SelectorDefinition[]>([
  {
    key: 'systemd:id', value: { type: 'text' }, many: false, trust: 'derived', cost: 'remote', needs: ['linux:cgroup', 'systemd:unit'], principal: true,
    summary: 'unit of the peer, by the service manager; tier `heuristic` and by the cgroup where the manager cannot be asked', example: 'cron.service',
  },
  {
    key: 'systemd:fragment_path', value: { type: 'path' }, many: false, trust: 'derived', cost: 'remote', needs: ['linux:cgroup', 'systemd:unit'], principal: true,
    summary: 'file that the unit was read from', example: '/lib/systemd/system/cron.service',
  },
  {
    key: 'systemd:invocation-id', value: { type: 'digest', length: 32 }, many: false, trust: 'derived', cost: 'remote', needs: ['linux:cgroup', 'systemd:unit'],
    summary: 'invocation of the unit that runs now', example: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
  },
]);

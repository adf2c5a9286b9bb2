import type { Capabilities } from '@portcullis/attestor-linux';
import { either, type Check } from './report.js';

/** What the kernel offers an attestor, each missing feature with its cost (docs/kernel-features.md). */
export function kernelFeatures(found: Capabilities): readonly Check[] {
  const feature = (id: string, good: boolean, call: string, since: string, cost: string): Check =>
    either(id, good, [`${call} works`, `${call} is missing (Linux ${since})`], cost);
  return [
    feature('peerpidfd', found.peerPidFd, 'SO_PEERPIDFD', '6.5', 'a peer is pinned by pidfd_open: a pid that the same user reused before the accept is not caught (T1); `linux:pin` says `pidfd-open`'),
    feature('pidfd-info', found.pidfdInfo, 'PIDFD_GET_INFO', '6.13', 'live credentials and cgroup id cannot be asked: nothing but digests is kept between connections, and each costs a first look'),
    feature('pidfd-inodes', found.uniquePidfdInodes, 'a unique inode for each pidfd', '6.9', 'nothing but file digests is kept between connections: each costs a full look'),
    feature('peergroups', found.peerGroups, 'SO_PEERGROUPS', '4.13', '`unix:supplementary_gid` and `unix:supplementary_group` are unknown'),
    feature('procmap-query', found.procmapQuery, 'PROCMAP_QUERY', '6.11', 'the text of /proc/PID/maps is read instead: slower, and the same answer'),
    labelling(found.labelling),
  ];
}

function labelling(modules: readonly string[] | undefined): Check {
  const id = 'labelling';
  if (modules === undefined) return { id, verdict: 'weaker', found: 'the list of security modules cannot be had', cost: '`linux:label` and its parts are unknown where the kernel does not answer' };
  if (modules.length === 0) return { id, verdict: 'note', found: 'no labelling module (AppArmor, SELinux, Smack): `linux:label` is absent of every peer' };
  return { id, verdict: 'good', found: `labels come from ${modules.join(', ')}` };
}

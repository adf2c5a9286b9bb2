import type { Capabilities } from '@portcullis/attestor-darwin';
import { either, type Check } from './report.js';

/** What macOS offers an attestor, each missing feature with its cost (docs/attestors/darwin.md). */
export function darwinFeatures(found: Capabilities): readonly Check[] {
  return [
    token(found.peerToken),
    either('pid-path', found.pidPath, ['proc_pidpath_audittoken works', 'proc_pidpath_audittoken is missing (macOS 11)'], '`unix:path` comes from lsof, tier `heuristic`, which no allow rule takes unless it says so; `unix:sha256` is unknown'),
    either('code-signing', found.codeSigning, ['csops_audittoken works', 'csops_audittoken does not answer'], 'all keys of the code signature are unknown'),
    either('validation-category', found.validationCategory, ['CS_OPS_VALIDATION_CATEGORY works', 'CS_OPS_VALIDATION_CATEGORY does not answer'], '`darwin:team-id` and `darwin:signing-id` are worth no more than `peer-asserted`'),
    { id: 'peer-process', verdict: 'weaker', found: 'the process behind a connection is the last one that used it, not the one that made it (T23)', cost: 'a user can have an allowed program of their own use a connection: name a principal beside a program' },
  ];
}

/** Without it nothing can be pinned: only rules about users and groups work. */
function token(works: boolean): Check {
  if (works) return { id: 'peer-token', verdict: 'good', found: 'LOCAL_PEERTOKEN works: a process and its program image are pinned by audit token' };
  return { id: 'peer-token', verdict: 'weaker', found: 'LOCAL_PEERTOKEN does not answer', cost: 'no process can be pinned: connections are refused once a rule needs more than ids' };
}

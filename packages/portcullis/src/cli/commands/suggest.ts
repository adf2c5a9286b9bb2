import { escapeJson, escapeText, PortcullisError, type Evidenced, type SelectorKey } from '@portcullis/core';
import { compilePolicyText, formatFindings, Learner, observationOf, requirePolicy, writePolicy } from '@portcullis/policy';
import type { Command } from 'commander';
import { resolveParts } from '../../compose/parts.js';
import { loadPlatform } from '../../compose/platform.js';
import { inspectPeer } from '../../inspect/inspect-peer.js';
import type { InspectedKey } from '../../inspect/inspection.js';
import { peerOfPid } from '../../inspect/open-peer.js';
import { EXIT, print, say } from '../exit.js';
import { examples } from '../help.js';
import { pidOf } from './inspect.js';

interface SuggestOptions {
  readonly pid: number;
  readonly json?: true;
}

/** `portcullis suggest`: a rule for one process. */
export function addSuggest(program: Command, done: (code: number) => void): void {
  program.command('suggest')
    .summary('propose a rule for a running process')
    .description('Looks at a process as `inspect` does, and proposes a policy with a rule for its user and program, with what each rests on in comments. Exits 0 when there is one, 1 when too little is known of the process or it changed meanwhile, 2 when it was called wrongly.')
    .requiredOption('--pid <pid>', 'the process', pidOf)
    .option('--json', 'for machines')
    .addHelpText('after', examples(
      ['a daemon that is to come in', 'portcullis suggest --pid "$(pidof -s nginx)"'],
      ['as the start of a policy', 'portcullis suggest --pid 4711 > policy.yaml'],
    ))
    .action(async (options: SuggestOptions) => { done(await suggest(options)); });
}

async function suggest({ pid, json }: SuggestOptions): Promise<number> {
  const parts = resolveParts(await loadPlatform(), { self: 'allow' });
  const { keys, lost } = await inspectPeer(await peerOfPid(pid), parts, { connection: false });
  if (lost !== undefined) throw new PortcullisError('EVIDENCE_INVALID', `the process changed while it was looked at: ${lost}`);
  const evidence = evidenceOf(keys);
  const seen = observationOf(evidence, { listener: undefined, timeMs: Date.now(), grant: {} });
  if (typeof seen === 'string') throw new PortcullisError('EVIDENCE_INVALID', `no rule can be proposed for this process: ${seen}`);
  const learner = new Learner();
  learner.add(seen, 0);
  const policy = writePolicy(learner.learn(new Set()));
  const loaded = compilePolicyText(policy, { catalogue: parts.catalogue, file: 'suggested.yaml' });
  requirePolicy(loaded);
  const rests = keys.filter(({ key, state }) => state === 'present' && RESTS_ON.has(key)).map(({ key, values, tier }) => ({ key, values, tier }));
  if (json === true) print(escapeJson(JSON.stringify({ pid, policy, rests })));
  else {
    if (loaded.findings.length > 0) say(formatFindings(loaded.findings, loaded.sources));
    print([`# For process ${String(pid)}, as it is now. There is no connection: its user id is the one it has now, not the one it connects with.`, ...rests.map(({ key, values, tier }) => `# ${key}: ${escapeText((values ?? []).map(String).join(', '), 300)} [${tier ?? ''}]`), policy.trimEnd()].join('\n'));
  }
  return EXIT.ok;
}

const RESTS_ON: ReadonlySet<SelectorKey> = new Set<SelectorKey>(['linux:live-uid', 'unix:path', 'unix:sha256', 'unix:image', 'container:id']);

/** Without a connection nothing is frozen: the user id now stands for the one that it will connect with. */
function evidenceOf(keys: readonly InspectedKey[]): ReadonlyMap<SelectorKey, Evidenced> {
  const evidence = new Map<SelectorKey, Evidenced>();
  for (const { key, state, values, tier, why } of keys) {
    if (state === 'present' && values !== undefined && tier !== undefined) evidence.set(key, { state, values, tier });
    else if (state === 'absent' && tier !== undefined) evidence.set(key, { state, tier });
    else evidence.set(key, { state: 'unknown', why: why ?? 'not-mentioned' });
  }
  const uid = evidence.get('linux:live-uid');
  if (uid !== undefined) evidence.set('unix:uid', uid);
  return evidence;
}

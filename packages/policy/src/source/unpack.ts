import { setImmediate as nextTurn } from 'node:timers/promises';
import { compileRules } from '../compile/compile-rules.js';
import { CompiledPolicy } from '../decide/compiled-policy.js';
import type { YamlDocument } from '../document/document.js';
import type { DocNode } from '../document/node.js';
import { FindingList } from '../findings/finding.js';
import { SourceText } from '../findings/source-text.js';
import { Suppressions } from '../findings/suppressions.js';
import { identify, type CompileOptions, type LoadedPolicy } from './load.js';
import { withRules, type PolicyParcel, type RuleBatch } from './parcel.js';
import { parseSteps } from './parse-policy.js';
import { parseValidity } from './validity.js';

/**
 * The policy of a parcel, as `loadPolicy` would give it: read, checked and reviewed already, and with the same options, by
 * `packPolicy`. In turns of the event loop that take some milliseconds each, but for the last, in which the index is built.
 * @param next the batches, in order; undefined after the last
 */
export async function unpackPolicy(parcel: PolicyParcel, next: () => Promise<RuleBatch | undefined>, options: CompileOptions): Promise<LoadedPolicy> {
  const { sound, findings, suppressed, files, folders } = parcel;
  const sources = new Map(parcel.sources.map(([file, text]) => [file, new SourceText(file, text)]));
  const suppressions = new Suppressions();
  const loaded = { findings, suppressed, suppressions, files, folders, sources };
  if (!sound) return Object.freeze(loaded);
  const rules = await rulesOf(parcel, next);
  const documents = parcel.documents.map(({ file, root, remarks }, at): YamlDocument => {
    const source = sources.get(file);
    if (source === undefined) throw new TypeError(`the text of \`${file}\` did not come along`);
    return { file, source, root: withRules(root, rules[at] ?? []), value: undefined, findings: [], remarks };
  });
  const again = new FindingList();
  for (const document of documents) suppressions.read(document, again);
  suppressions.sift(suppressed); // used there already
  const policy = await compileInTurns(documents, again, options);
  return Object.freeze({ policy, ...loaded });
}

async function rulesOf({ documents }: PolicyParcel, next: () => Promise<RuleBatch | undefined>): Promise<readonly DocNode[][]> {
  const rules = documents.map((): DocNode[] => []);
  for (let batch = await next(); batch !== undefined; batch = await next()) {
    for (const rule of batch.rules) rules[batch.document]?.push(rule);
    await nextTurn();
  }
  return rules;
}

async function compileInTurns(documents: readonly YamlDocument[], findings: FindingList, options: CompileOptions): Promise<CompiledPolicy> {
  const knownListeners = options.knownListeners === undefined ? undefined : new Set(options.knownListeners);
  const steps = parseSteps(documents, { catalogue: options.catalogue, knownListeners, findings });
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) await nextTurn();
  const expiresMs = parseValidity(documents, options.nowMs ?? Date.now(), findings);
  // The other thread found none in the same documents, by the same catalogue.
  if (!findings.isSound()) throw new TypeError('a policy that was sound in another thread is not');
  await nextTurn();
  const compiled = compileRules(step.value);
  await nextTurn();
  return new CompiledPolicy({ ...identify(documents), expiresMs }, compiled);
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { compileSteps } from '../compile/compile-rules.js';
import { CompiledPolicy, type PolicyIdentity } from '../decide/compiled-policy.js';
import type { YamlDocument } from '../document/document.js';
import type { DocNode } from '../document/node.js';
import { FindingList } from '../findings/finding.js';
import { SourceText } from '../findings/source-text.js';
import { Suppressions } from '../findings/suppressions.js';
import type { CompileOptions, LoadedPolicy } from './load.js';
import { withRules, type PolicyParcel, type RuleBatch } from './parcel.js';
import { parseSteps } from './parse-policy.js';

/**
 * The policy of a parcel, as `loadPolicy` would give it: read, checked and reviewed already, and with the same options, by
 * `packPolicy`. In turns of the event loop that take some milliseconds each. There is no policy before the last.
 * @param next the next batch
 */
export async function unpackPolicy(parcel: PolicyParcel, next: () => Promise<RuleBatch>, options: CompileOptions): Promise<LoadedPolicy> {
  const { identity, findings, suppressed, files, links, folders } = parcel;
  const sources = new Map(parcel.sources.map(([file, text]) => [file, new SourceText(file, text)]));
  const suppressions = new Suppressions();
  const loaded = { findings, suppressed, suppressions, files, links, folders, sources };
  if (identity === undefined) return Object.freeze(loaded);
  const rules = await rulesOf(parcel, next);
  const documents = parcel.documents.map(({ file, root, remarks }, at): YamlDocument => {
    const source = sources.get(file);
    if (source === undefined) throw new TypeError(`the text of \`${file}\` did not come along`);
    return { file, source, root: withRules(root, rules[at] ?? []), value: undefined, findings: [], remarks };
  });
  const again = new FindingList();
  for (const document of documents) suppressions.read(document, again);
  suppressions.sift(suppressed); // used there already
  const policy = await compileInTurns(identity, documents, again, options);
  return Object.freeze({ policy, ...loaded });
}

async function rulesOf({ documents, batches }: PolicyParcel, next: () => Promise<RuleBatch>): Promise<readonly DocNode[][]> {
  const rules = documents.map((): DocNode[] => []);
  for (let at = 0; at < batches; at++) {
    const batch = await next();
    // I2: rules that went missing may be those that deny.
    if (batch.at !== at) throw new TypeError(`batch ${String(batch.at)} of the rules came where ${String(at)} should have`);
    for (const rule of batch.rules) rules[batch.document]?.push(rule);
    await nextTurn();
  }
  return rules;
}

async function compileInTurns(identity: PolicyIdentity, documents: readonly YamlDocument[], findings: FindingList, options: CompileOptions): Promise<CompiledPolicy> {
  const knownListeners = options.knownListeners === undefined ? undefined : new Set(options.knownListeners);
  const steps = parseSteps(documents, { catalogue: options.catalogue, knownListeners, findings });
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) await nextTurn();
  // The other thread found none in the same documents, by the same catalogue.
  if (!findings.isSound()) throw new TypeError('a policy that was sound in another thread is not');
  await nextTurn();
  const compiling = compileSteps(step.value);
  let compiled = compiling.next();
  for (; compiled.done !== true; compiled = compiling.next()) await nextTurn();
  await nextTurn();
  return new CompiledPolicy(identity, compiled.value);
}

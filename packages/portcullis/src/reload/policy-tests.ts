import { escapeText } from '@portcullis/core';
import type { CompiledPolicy, LoadOptions } from '@portcullis/policy';
import { limitsOf } from '../limits.js';
import { plural } from '../plural.js';
import { runFile, type RanFile } from '../policy-test/test-file.js';

const MOST_NAMED = 3;

/** Why `policy` may not take effect: which of its tests do not hold, or cannot be run, or test another one. Undefined: all hold. */
export function whyTestsFail(files: readonly string[], policy: CompiledPolicy, options: Pick<LoadOptions, 'catalogue' | 'maxBytes'>): string | undefined {
  for (const file of files) {
    const why = whyFails(runFile(file, options.catalogue, limitsOf(options)), policy);
    if (why !== undefined) return why;
  }
  return undefined;
}

function whyFails({ file, loaded, result }: RanFile, policy: CompiledPolicy): string | undefined {
  if (result === undefined) {
    const [first] = loaded.findings;
    return `\`${file}\` cannot be run: ${first === undefined ? 'it has errors' : `${first.code}: ${first.message}`}`;
  }
  // A digest of the text is part of a revision: the same name and number do not make the same policy.
  if (result.test.policy.revision !== policy.revision) return `\`${file}\` tests another policy, or an earlier state of it`;
  if (result.ok) return undefined;
  const failed = [
    ...result.cases.filter(({ ok }) => !ok).map(({ test: { name } }) => `case \`${escapeText(name)}\``),
    ...result.properties.filter(({ outcome }) => outcome !== 'proved').map(({ property: { name } }) => `property \`${escapeText(name)}\``),
    ...result.missed.map(({ message }) => message),
  ];
  const more = failed.length > MOST_NAMED ? ` and ${plural(failed.length - MOST_NAMED, 'other')}` : '';
  return `\`${file}\` does not hold: ${failed.slice(0, MOST_NAMED).join(', ')}${more}`;
}

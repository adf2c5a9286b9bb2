import { ABSENT, kindOf, normaliseValues, sourceOf, unknown, type Finding, type SelectorKey, type TrustTier } from '@portcullis/core';
import type { Inspection } from './inspect.js';

export const ENVIRONMENT = 'container-env';

/** What an inspection says of one key. `tier`: what it is worth, where that is less than the catalogue says. */
export function findingOf(key: SelectorKey, inspection: Inspection, tier: TrustTier | undefined): Finding {
  const finding = sourceOf(key) === ENVIRONMENT ? variable(kindOf(key), inspection) : values(valuesOf(key, inspection));
  return tier === undefined || finding.state === 'unknown' ? finding : { ...finding, tier };
}

function valuesOf(key: SelectorKey, { name, image, imageId, digests, labels }: Inspection): readonly string[] | undefined {
  switch (key) {
    case 'container:name': return [name];
    case 'container:image': return [image];
    case 'container:image-id': return [imageId];
    case 'container:image-digest': return digests;
    case 'container:label': return labels;
    default: return undefined;
  }
}

function values(found: readonly string[] | undefined): Finding {
  if (found === undefined) return unknown('attestor-defect', 'not looked at');
  return found.length === 0 ? ABSENT : { state: 'present', values: normaliseValues(found) };
}

/** I10: no message has a value in it. */
function variable(name: string, { environment }: Inspection): Finding {
  if (environment === undefined) return unknown('attestor-defect', 'not looked at');
  if (!environment.has(name)) return ABSENT;
  const value = environment.get(name);
  if (value === undefined) return unknown('undecodable', 'the variable is there more than once');
  return value === '' ? unknown('undecodable', 'the variable is empty') : { state: 'present', values: [value] };
}

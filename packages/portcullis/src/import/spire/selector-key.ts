import { isSelectorKey, parseValue, type Catalogue, type SelectorKey } from '@portcullis/core';
import { spellSelector, type SpireSelector } from './entry.js';

/** A fact here, and who establishes it. */
interface Equal {
  readonly from: string;
  /** Where it is spelled otherwise: key and value here of a value there, or undefined where it could mean something else too. */
  readonly respell?: (value: string) => readonly [key: string, value: string] | undefined;
}

const LINUX: Equal = { from: 'the attestor of this platform' };
const SYSTEMD: Equal = { from: '@portcullis/attestor-systemd' };
const KUBERNETES: Equal = { from: '@portcullis/attestor-kubernetes' };
const container = (respell: Equal['respell']): Equal => ({ from: '@portcullis/attestor-container', ...(respell && { respell }) });

/**
 * SPIRE's workload selectors that have an equal here. What is not in this table is refused, also where a key of that
 * spelling exists: a plugin of SPIRE's called `env` would mean something else than our `env:*`.
 */
const EQUALS: ReadonlyMap<string, Equal> = new Map<string, Equal>([
  ...['unix:uid', 'unix:user', 'unix:gid', 'unix:group', 'unix:supplementary_gid', 'unix:supplementary_group', 'unix:path', 'unix:sha256'].map((key) => [key, LINUX] as const),
  ...['systemd:id', 'systemd:fragment_path'].map((key) => [key, SYSTEMD] as const),
  ...[
    'k8s:ns', 'k8s:sa', 'k8s:pod-name', 'k8s:pod-uid', 'k8s:pod-label', 'k8s:pod-owner', 'k8s:pod-owner-uid', 'k8s:node-name', 'k8s:container-name',
    'k8s:container-image', 'k8s:pod-image', 'k8s:pod-image-count', 'k8s:pod-init-image', 'k8s:pod-init-image-count',
  ].map((key) => [key, KUBERNETES] as const),
  ['docker:label', container(label)],
  ['docker:env', container(variable)],
  ['docker:image_id', container((value) => ['container:image', value])],
  ['docker:image_config_digest', container((value) => ['container:image-id', value])],
]);

/** `name:value` there, `name=value` here. A `=` in either would leave open where the name ends. */
function label(value: string): readonly [string, string] | undefined {
  const colon = value.indexOf(':');
  return colon < 1 || value.includes('=') ? undefined : ['container:label', `${value.slice(0, colon)}=${value.slice(colon + 1)}`];
}

function variable(value: string): readonly [string, string] | undefined {
  const equals = value.indexOf('=');
  return equals < 1 ? undefined : [`container-env:${value.slice(0, equals)}`, value.slice(equals + 1)];
}

/** A selector of SPIRE's as a condition of ours, in the short form `source:kind:value`. */
export type Translated = { readonly condition: string } | { readonly problem: string };

/** Never drops a selector: an entry with one less would match more workloads. */
export function translateSelector(selector: SpireSelector, catalogue: Catalogue): Translated {
  const spelled = spellSelector(selector);
  const [, kind = '', given] = /^([^:]+):([^]*)$/.exec(selector.value) ?? [];
  const name = `${selector.type}:${kind}`;
  const equal = EQUALS.get(name);
  if (equal === undefined || given === undefined) return { problem: `no key here means what \`${spelled}\` does` };
  const [key, value] = equal.respell === undefined ? [name, given] : equal.respell(given) ?? [];
  if (key === undefined || value === undefined || !isSelectorKey(key)) return { problem: `\`${spelled}\` cannot be spelled here without meaning something else` };
  return conditionOf(key, value, spelled, equal, catalogue);
}

function conditionOf(key: SelectorKey, value: string, spelled: string, { from }: Equal, catalogue: Catalogue): Translated {
  const definition = catalogue.find(key);
  if (definition === undefined) return { problem: `no attestor here establishes \`${key}\`: it comes with ${from}` };
  // SPIRE compares texts: `unix:uid:007` is no peer's there either.
  if (parseValue(definition.value, value) === undefined) return { problem: `\`${spelled}\` has a value that no workload has` };
  return { condition: `${key}:${value}` };
}

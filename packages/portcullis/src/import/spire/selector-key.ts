import { parseValue, type Catalogue, type SelectorKey } from '@portcullis/core';
import { spellSelector, type SpireSelector } from './entry.js';

/** Who establishes the keys of a selector type of SPIRE's. */
const LINUX = 'the attestor of this platform';
const SYSTEMD = '@portcullis/attestor-systemd';
const KUBERNETES = '@portcullis/attestor-kubernetes';

/**
 * SPIRE's workload selectors that have an equal here. What is not in this table is refused, also where a key of that
 * spelling exists: a plugin of SPIRE's called `env` would mean something else than our `env:*`.
 */
const PACKAGES: ReadonlyMap<SelectorKey, string> = new Map<SelectorKey, string>([
  ...(['unix:uid', 'unix:user', 'unix:gid', 'unix:group', 'unix:supplementary_gid', 'unix:supplementary_group', 'unix:path', 'unix:sha256'] as const).map((key) => [key, LINUX] as const),
  ...(['systemd:id', 'systemd:fragment_path'] as const).map((key) => [key, SYSTEMD] as const),
  ...([
    'k8s:ns', 'k8s:sa', 'k8s:pod-name', 'k8s:pod-uid', 'k8s:pod-label', 'k8s:pod-owner', 'k8s:pod-owner-uid', 'k8s:node-name', 'k8s:container-name',
    'k8s:container-image', 'k8s:pod-image', 'k8s:pod-image-count', 'k8s:pod-init-image', 'k8s:pod-init-image-count',
  ] as const).map((key) => [key, KUBERNETES] as const),
]);

/** A selector of SPIRE's as a condition of ours, in the short form `source:kind:value`. */
export type Translated = { readonly condition: string } | { readonly problem: string };

/** Never drops a selector: an entry with one less would match more workloads. */
export function translateSelector(selector: SpireSelector, catalogue: Catalogue): Translated {
  const spelled = spellSelector(selector);
  const [, kind, value] = /^([^:]+):([^]*)$/.exec(selector.value) ?? [];
  const key: SelectorKey = `${selector.type}:${kind ?? ''}`;
  const from = PACKAGES.get(key);
  if (from === undefined || value === undefined) return { problem: `no key here means what \`${spelled}\` does` };
  const definition = catalogue.find(key);
  if (definition === undefined) return { problem: `no attestor here establishes \`${key}\`: it comes with ${from}` };
  // SPIRE compares texts: `unix:uid:007` is no peer's there either.
  if (parseValue(definition.value, value) === undefined) return { problem: `\`${spelled}\` has a value that no workload has` };
  return { condition: spelled };
}

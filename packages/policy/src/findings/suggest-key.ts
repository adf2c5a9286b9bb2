import type { Catalogue } from '@portcullis/core';
import { didYouMean, lookAlike } from './suggest.js';

/** Keys of our packages that a gateway has only once it lists them under `plugins`. */
const PLUGINS: readonly (readonly [name: string, keys: RegExp])[] = [
  ['@portcullis/attestor-container', /^(?:container:(?:name|image|image-id|image-digest|label)|container-env:.+)$/],
  ['@portcullis/attestor-systemd', /^systemd:(?:id|fragment_path|invocation-id)$/],
  ['@portcullis/attestor-kubernetes', /^k8s:(?:ns|sa|pod-name|pod-label|pod-owner|pod-owner-uid|node-name|container-name|container-image|pod-image|pod-image-count|pod-init-image|pod-init-image-count)$/],
];

function comesWith(key: string): string | undefined {
  const [name] = PLUGINS.find(([, keys]) => keys.test(key)) ?? [];
  return name === undefined ? undefined : `it comes with the plugin ${name}: see \`plugins\` of the gateway file, and --plugin`;
}

/** What to do about a key that no attestor of a gate has. `words`: what else may stand in its place. */
export function suggestKey(key: string, catalogue: Catalogue, words: readonly string[] = []): string | undefined {
  const known = [...catalogue.definitions().map((one) => one.key), ...words];
  return lookAlike(key, known) ?? comesWith(key) ?? didYouMean(key, known);
}

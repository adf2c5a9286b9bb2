import type { SelectorDefinition } from '@portcullis/core';

/** Bound to the id that the kernel's attestor anchored: what a daemon says of a name that a peer gives would be the peer's word. */
const ofContainer = { trust: 'derived', cost: 'remote', needs: ['container:id'] } as const;
const text = { ...ofContainer, value: { type: 'text' }, many: false } as const;
const digest = { ...ofContainer, value: { type: 'digest', length: 64, prefix: 'sha256:' } } as const;

/** Every key that this package can establish. */
export const CONTAINER_SELECTORS: readonly SelectorDefinition[] = Object.freeze([
  { ...text, key: 'container:name', principal: true, summary: 'name of the container, which whoever may use the daemon can change', example: 'web' },
  { ...text, key: 'container:image', summary: 'image as whoever made the container wrote it: a tag may mean another image by now', example: 'docker.io/library/nginx:1.29' },
  { ...digest, key: 'container:image-id', many: false, principal: true, summary: 'id of the image that the container was made from', example: `sha256:${'7fc8'.repeat(16)}` },
  { ...digest, key: 'container:image-digest', many: true, principal: true, summary: 'digests under which registries have that image', example: `sha256:${'51aa'.repeat(16)}` },
  { ...text, key: 'container:label', many: true, principal: true, summary: 'labels of the container and its image, each `name=value`', example: 'com.docker.compose.service=web' },
  { ...text, key: 'container-env:*', sensitive: true, summary: 'one variable that the container was configured with', example: 'production' },
]);

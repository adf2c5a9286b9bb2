import type { SelectorKey } from '@portcullis/core';
import { LINUX_SELECTORS } from '@portcullis/attestor-linux';

const MEMBERS: ReadonlyMap<SelectorKey, SelectorKey> = new Map([['env:*', 'env:HOME'], ['cgroup-xattr:*', 'cgroup-xattr:user.delegate']]);

/** Every key of the catalogue, with one member of each family. */
export const ALL_KEYS: readonly SelectorKey[] = LINUX_SELECTORS.map(({ key }) => MEMBERS.get(key) ?? key);

/** All but the digest, which needs a thread of its own. */
export const CHEAP_KEYS: readonly SelectorKey[] = ALL_KEYS.filter((key) => key !== 'unix:sha256');

/** What a look at the program image answers, and nothing else. */
export const IMAGE_KEYS: readonly SelectorKey[] = ['unix:path', 'unix:exe-state', 'unix:image'];

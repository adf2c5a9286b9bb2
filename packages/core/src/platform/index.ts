// What the packages of the platforms share. Not for plugins: it may change with them.
export { DigestCache, type DigestOptions } from './digest/digest-cache.js';
export { type ContentIdentity, type DigestSource } from './digest/digest-source.js';
export { accountOf } from './names/account.js';
export { parseDatabase, type Database } from './names/database.js';
export { Names, type AskSystem } from './names/names.js';
export { assertTrusted, isRootsAlone, rootAndUs, type TrustOptions } from '../trusted-program.js';

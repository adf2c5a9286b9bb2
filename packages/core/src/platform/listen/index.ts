// What the safe listen (T18) is on every platform: what is refused, and how that is said. Not for plugins: it may change with them.
export { Exceptions } from './exceptions.js';
export { inUse, type InUseReason } from './in-use.js';
export { octal, readInode, readInodeRacy, sameInode, type Inode, type InodeKind } from './inode.js';
export { settle, type SettledOptions } from './options.js';
export { failureFacts, inodeFacts, nodeRefusal, refusal, systemRefusal, type FailedCall } from './refusal.js';
export { components, splitPath, type PathLimits, type SplitPath } from './socket-path.js';
export { ancestorFault, effectiveUid, linkFault, parentFaults } from './trust.js';

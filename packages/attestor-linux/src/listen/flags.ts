import { constants } from 'node:fs';

/** Numbers that only the safe listen uses. node:fs knows those that differ between x86_64 and arm64 (O_DIRECTORY, O_NOFOLLOW). */
export const { O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDWR } = constants;

export const LOCK_EX = 2; // asm-generic/fcntl.h
export const LOCK_NB = 4;
/** `(uid_t) -1`: chown(2) leaves the owner as it is. */
export const SAME_OWNER = 0xffff_ffff;

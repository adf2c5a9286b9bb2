/**
 * Kernel numbers of Darwin, read in the sources of xnu-11417.101.15: each group with its header. They are the same on
 * arm64 and x86_64. Nothing here was run on a Mac.
 */
export const SOL_LOCAL = 0; // bsd/sys/un.h, as the options below
/** `struct xucred`: the only option that is frozen when the connection is made (T23). */
export const LOCAL_PEERCRED = 1;
/** `pid_t`: the last process that used the socket, not the one that connected (T23). */
export const LOCAL_PEERPID = 2;
export const LOCAL_PEEREPID = 3;
/** `uuid_t`: the UUID of the executable of that last process. */
export const LOCAL_PEERUUID = 4;
export const LOCAL_PEEREUUID = 5;
/** `audit_token_t`: looked up by LOCAL_PEERPID's pid at the moment of asking (T23). */
export const LOCAL_PEERTOKEN = 6;

export const XUCRED_VERSION = 0; // bsd/sys/ucred.h
export const NGROUPS = 16; // bsd/sys/syslimits.h: NGROUPS_MAX, the length of `cr_groups`

export const PROC_PIDPATHINFO = 11; // bsd/sys/proc_info.h
export const PROC_PIDPATHINFO_MAXSIZE = 4096;
export const PROC_PIDUNIQIDENTIFIERINFO = 17; // bsd/sys/proc_info_private.h

export const SYS_CSOPS_AUDITTOKEN = 170; // bsd/kern/syscalls.master
export const CS_OPS_STATUS = 0; // bsd/sys/codesign.h: the operations that need no privilege
export const CS_OPS_CDHASH = 5;
export const CS_OPS_ENTITLEMENTS_BLOB = 7;
export const CS_OPS_IDENTITY = 11;
export const CS_OPS_TEAMID = 14;
export const CS_OPS_VALIDATION_CATEGORY = 17;
export const CS_CDHASH_LEN = 20; // osfmk/kern/cs_blobs.h

/** Code-signing flags, as CS_OPS_STATUS answers them (osfmk/kern/cs_blobs.h). */
export const CS_FLAGS = {
  VALID: 0x0000_0001,
  ADHOC: 0x0000_0002,
  GET_TASK_ALLOW: 0x0000_0004,
  HARD: 0x0000_0100,
  KILL: 0x0000_0200,
  REQUIRE_LV: 0x0000_2000,
  RUNTIME: 0x0001_0000,
  LINKER_SIGNED: 0x0002_0000,
  PLATFORM_BINARY: 0x0400_0000,
  DEBUGGED: 0x1000_0000,
  SIGNED: 0x2000_0000,
} as const;

/** What CS_OPS_VALIDATION_CATEGORY answers (osfmk/kern/cs_blobs.h). */
export const CS_VALIDATION_CATEGORIES = {
  PLATFORM: 1,
  APP_STORE: 4,
  DEVELOPER_ID: 6,
  LOCAL_SIGNING: 7,
  NONE: 10,
} as const;

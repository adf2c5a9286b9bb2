/**
 * Kernel numbers of Darwin, read in the sources of xnu-11417.101.15: each group with its header. They are the same on
 * arm64 and x86_64. Nothing here was run on a Mac by us: `constants.darwin.test.ts` compares them with the SDK where
 * there is one.
 */
export const AF_UNIX = 1; // bsd/sys/socket.h, as all below
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOL_SOCKET = 0xffff;
export const SO_TYPE = 0x1008;

export const SOL_LOCAL = 0; // bsd/sys/un.h, as the options below
/** `struct xucred`: the only option that is frozen when the connection is made (T23). */
export const LOCAL_PEERCRED = 1;
/** `pid_t`: the last process that used the socket, not the one that connected (T23). */
export const LOCAL_PEERPID = 2;
/** The same, or the process in whose name a delegated socket is used. */
export const LOCAL_PEEREPID = 3;
/** `uuid_t`: the UUID of the executable of that last process, when it first used the socket. */
export const LOCAL_PEERUUID = 4;
/** `audit_token_t`: looked up by LOCAL_PEERPID's pid at the moment of asking (T23). */
export const LOCAL_PEERTOKEN = 6;

export const XUCRED_VERSION = 0; // bsd/sys/ucred.h
export const NGROUPS = 16; // bsd/sys/syslimits.h: NGROUPS_MAX, the length of `cr_groups`
/** `AU_DEFAUDITID` (bsd/bsm/audit.h), and `(uid_t) -1`: no id. */
export const NO_ID = 0xffff_ffff;

export const PROC_PIDPATHINFO_MAXSIZE = 4096; // bsd/sys/proc_info.h
export const PROC_PIDUNIQIDENTIFIERINFO = 17; // bsd/sys/proc_info_private.h

export const CS_OPS_STATUS = 0; // bsd/sys/codesign.h: the operations that need no privilege
export const CS_OPS_CDHASH = 5;
export const CS_OPS_IDENTITY = 11;
export const CS_OPS_TEAMID = 14;
export const CS_OPS_VALIDATION_CATEGORY = 17;
export const CS_CDHASH_LEN = 20; // osfmk/kern/cs_blobs.h

/** Code-signing flags, as CS_OPS_STATUS answers them (osfmk/kern/cs_blobs.h). */
export const CS_FLAGS = {
  VALID: 0x0000_0001,
  ADHOC: 0x0000_0002,
  GET_TASK_ALLOW: 0x0000_0004,
  RUNTIME: 0x0001_0000,
  PLATFORM_BINARY: 0x0400_0000,
  DEBUGGED: 0x1000_0000,
  SIGNED: 0x2000_0000,
} as const;

/** What CS_OPS_VALIDATION_CATEGORY answers, by number (osfmk/kern/cs_blobs.h). 0 is CS_VALIDATION_CATEGORY_INVALID. */
export const CS_VALIDATION_CATEGORIES: ReadonlyMap<number, string> = new Map([
  [1, 'platform'],
  [2, 'testflight'],
  [3, 'development'],
  [4, 'app-store'],
  [5, 'enterprise'],
  [6, 'developer-id'],
  [7, 'local-signing'],
  [8, 'rosetta'],
  [9, 'oop-jit'],
  [10, 'none'],
]);

export const RLIMIT_NOFILE = 8; // bsd/sys/resource.h
export const OPEN_MAX = 10_240; // bsd/sys/syslimits.h

export const F_SETFD = 2; // bsd/sys/fcntl.h
export const FD_CLOEXEC = 1;

export const EVFILT_PROC = -5; // bsd/sys/event.h, as all below
export const EV_ADD = 0x0001;
export const EV_DELETE = 0x0002;
export const EV_ONESHOT = 0x0010;
export const EV_RECEIPT = 0x0040;
export const EV_ERROR = 0x4000;
export const NOTE_EXIT = 0x8000_0000;

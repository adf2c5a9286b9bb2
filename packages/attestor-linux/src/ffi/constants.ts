import { constants } from 'node:fs';

/**
 * Kernel numbers of the generic ABI, each with its header and the kernel that brought it. Other ABIs number some of
 * these differently (SO_PEERCRED is 18 on mips), so an architecture that is not listed is refused.
 */
export const GENERIC_ABI_ARCHITECTURES: readonly string[] = ['x64', 'arm64', 'riscv64', 'loong64'];

export const AF_UNIX = 1; // linux/socket.h
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1; // linux/net.h
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1; // asm-generic/socket.h, as all below
export const SO_TYPE = 3;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_ACCEPTCONN = 30;
export const SO_PEERSEC = 31; // 2.6.17
export const SO_PASSSEC = 34; // 2.6.18
export const SO_PROTOCOL = 38; // 2.6.32
export const SO_DOMAIN = 39; // 2.6.32
export const SO_COOKIE = 57; // 4.12
export const SO_PEERGROUPS = 59; // 4.13
export const SO_PASSPIDFD = 76; // 6.5
export const SO_PEERPIDFD = 77; // 6.5
export const SO_PASSRIGHTS = 83; // 6.16

export const SCM_RIGHTS = 1; // linux/socket.h, as all below
export const SCM_CREDENTIALS = 2;
export const SCM_SECURITY = 3; // 2.6.18
export const SCM_PIDFD = 4; // 6.5
export const MSG_CTRUNC = 0x08;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x4000_0000; // 2.6.23

export const SIOCINQ = 0x541b; // linux/sockios.h: FIONREAD of asm-generic/ioctls.h

export const FIONBIO = 0x5421; // asm-generic/ioctls.h

export const IPPROTO_TCP = 6; // linux/in.h
export const LOOPBACK_IFINDEX = 1; // net/flow.h: `lo` is the first device of every network namespace

export const NETLINK_SOCK_DIAG = 4; // linux/netlink.h, 3.3
export const NLM_F_REQUEST = 1;
export const NLMSG_ERROR = 2;
export const SOCK_DIAG_BY_FAMILY = 20; // linux/sock_diag.h, 3.3
export const INET_DIAG_CGROUP_ID = 21; // linux/inet_diag.h, 5.8
export const TCP_ESTABLISHED = 1; // net/tcp_states.h
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;

export const SYS_PIDFD_OPEN = 434; // asm-generic/unistd.h, 5.3
export const SYS_PIDFD_GETFD = 438; // 5.6
export const SYS_OPENAT2 = 437; // 5.6
export const RESOLVE_NO_SYMLINKS = 4; // linux/openat2.h

export const NS_GET_USERNS = 0xb701; // linux/nsfs.h, 4.9: _IO(0xb7, 1)
export const PIDFD_GET_PID_NAMESPACE = 0xff05; // linux/pidfd.h, 6.11: _IO(0xFF, 5)
export const PIDFD_GET_INFO = 0xc040ff0b; // linux/pidfd.h, 6.13: _IOWR(0xFF, 11, struct pidfd_info), 64 bytes
export const PIDFD_INFO_PID = 1;
export const PIDFD_INFO_CREDS = 2;
export const PIDFD_INFO_CGROUPID = 4;

export const PROCMAP_QUERY = 0xc0686611; // linux/fs.h, 6.11: _IOWR('f', 17, struct procmap_query), 104 bytes
export const PROCMAP_QUERY_VMA_EXECUTABLE = 0x04;
export const PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 0x10;

export const PAGEMAP_SCAN = 0xc0606610; // linux/fs.h, 6.7: _IOWR('f', 16, struct pm_scan_arg), 96 bytes
export const PAGE_IS_FILE = 4;
export const PAGE_IS_PRESENT = 8;
export const PAGE_IS_SWAPPED = 16;
export const AT_PAGESZ = 6; // linux/auxvec.h

export const FS_IOC_MEASURE_VERITY = 0xc0046686; // linux/fsverity.h, 5.4: _IOWR('f', 134, struct fsverity_digest), 4 bytes
export const FS_VERITY_HASH_ALG_SHA256 = 1;
export const FS_VERITY_HASH_ALG_SHA512 = 2;

export const AT_FDCWD = -100; // linux/fcntl.h
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_EMPTY_PATH = 0x1000;
export const F_DUPFD_CLOEXEC = 1030; // linux/fcntl.h, 2.6.24
export const O_RDONLY = 0;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

/** Numbers that differ between x86_64 and arm64, as node:fs knows them. */
export const { O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, S_IFMT, S_IFREG } = constants;

export const STATX_BASIC_STATS = 0x7ff; // linux/stat.h, 4.11

export const POLLIN = 1; // asm-generic/poll.h
export const POLLHUP = 16;
export const PROT_READ = 1; // asm-generic/mman-common.h
export const MAP_PRIVATE = 2; // linux/mman.h

export const SYS_LSM_LIST_MODULES = 461; // asm-generic/unistd.h, 6.8
export const LSM_ID_NAMES: ReadonlyMap<number, string> = new Map([[101, 'selinux'], [102, 'smack'], [104, 'apparmor']]); // linux/lsm.h

export const PID_FS_MAGIC = 0x50494446; // linux/magic.h, 6.9: pidfd inodes are unique from then on
export const FUSE_SUPER_MAGIC = 0x65735546; // linux/magic.h, as all below
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630;
export const EXT4_SUPER_MAGIC = 0xef53;
export const BTRFS_SUPER_MAGIC = 0x9123683e;
export const TMPFS_MAGIC = 0x01021994; // memfd_create(2) too
export const RAMFS_MAGIC = 0x858458f6;
export const XFS_SUPER_MAGIC = 0x58465342;
export const F2FS_SUPER_MAGIC = 0xf2f52010;
export const CGROUP_SUPER_MAGIC = 0x0027e0eb; // linux/magic.h, version 1
export const CGROUP2_SUPER_MAGIC = 0x63677270; // linux/magic.h, 4.5

/** An id that no process has: what an unconnected or foreign socket answers (T14). */
export const INVALID_ID = 0xffff_ffff;
/** /proc/sys/kernel/overflowuid: what an id outside our map is shown as (T13). */
export const OVERFLOW_ID = 65_534;

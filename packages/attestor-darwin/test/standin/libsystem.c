// A stand-in for libSystem, on Linux: the functions that ffi/libc.ts binds, with Darwin's numbers, layouts and errnos, and
// answers from Linux's own SO_PEERCRED and /proc. It proves sizes, offsets and the flow, and nothing of how Darwin behaves.
// What XNU does was read in xnu-11417.101.15 (bsd/kern/uipc_usrreq.c, uipc_socket.c, kern_proc.c).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct { uint32_t word[8]; } audit_token_t;

// Under Darwin's prototypes, which glibc's headers would refuse.
int darwin_getsockname(int fd, void *address, uint32_t *size) __asm__("getsockname");
int darwin_bind(int fd, const void *address, unsigned length) __asm__("bind");
int darwin_connect(int fd, const void *address, unsigned length) __asm__("connect");
int darwin_socketpair(int domain, int type, int protocol, int *pair) __asm__("socketpair");
uint16_t darwin_umask(uint16_t mask) __asm__("umask");
int darwin_fchownat(int folder, const char *name, uint32_t uid, uint32_t gid, int flags) __asm__("fchownat");
int darwin_fchmodat(int folder, const char *name, uint16_t mode, int flags) __asm__("fchmodat");

static int32_t to_darwin(int error) {
  switch (error) {
    case ENOTCONN: return 57;
    case ENOTSOCK: return 38;
    case EPROTOTYPE: return 41;
    case EADDRINUSE: return 48;
    case ECONNREFUSED: return 61;
    case ELOOP: return 62;
    case ENAMETOOLONG: return 63;
    case ENOSYS: return 78;
    case EAGAIN: return 35;
    default: return error; // those below 35 are the same
  }
}

static int fail(int darwin_errno) { errno = darwin_errno; return -1; }
static int checked(long result) { return result < 0 ? fail(to_darwin(errno)) : (int)result; }

// What a test makes of the answer to one question: another errno, or other bytes, from the nth asking on.
static struct { int set, skip, error, length; uint8_t bytes[256]; } lies[512];
void standin_lie(int question, int skip, int error, const void *bytes, int length) {
  lies[question].set = 1;
  lies[question].skip = skip;
  lies[question].error = error;
  lies[question].length = length;
  if (length > 0) memcpy(lies[question].bytes, bytes, length);
}
void standin_honest(void) { memset(lies, 0, sizeof lies); }
static int lying(int question) { return lies[question].set && lies[question].skip-- <= 0; }
enum { PIDPATH = 100, CSOPS = 200, SOCKNAME = 300, KEVENT = 301, KQUEUE = 302 };

static uint64_t fnv(uint64_t hash, const void *bytes, size_t length) {
  for (size_t at = 0; at < length; at += 1) hash = (hash ^ ((const uint8_t *)bytes)[at]) * 0x100000001b3ull;
  return hash;
}

static ssize_t slurp(int pid, const char *name, char *into, size_t most) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t size = read(fd, into, most - 1);
  close(fd);
  if (size >= 0) into[size] = 0;
  return size;
}

// The start time, which stays over an exec; 0 when there is no such process, or only its zombie.
static uint64_t start_time(int pid) {
  char stat[4096];
  if (pid <= 0 || slurp(pid, "stat", stat, sizeof stat) <= 0) return 0;
  char *at = strrchr(stat, ')');
  if (!at || at[2] == 'Z' || at[2] == 'X') return 0;
  uint64_t ticks = 0;
  at += 2;
  for (int field = 3; field < 22 && at; field += 1) { at = strchr(at, ' '); if (at) at += 1; }
  if (at) ticks = strtoull(at, NULL, 10);
  return ticks + 1;
}

// Darwin counts it up with every exec; here the auxiliary vector, which differs with every exec, stands for it.
static uint32_t pid_version(int pid) {
  char auxv[4096];
  ssize_t size = slurp(pid, "auxv", auxv, sizeof auxv);
  uint64_t start = start_time(pid);
  uint64_t hash = fnv(0xcbf29ce484222325ull, &start, sizeof start);
  return (uint32_t)fnv(hash, auxv, size > 0 ? size : 0);
}

static void executable_uuid(int pid, uint8_t uuid[16]) {
  char path[64];
  struct stat file;
  memset(uuid, 0, 16);
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  if (stat(path, &file) != 0) return;
  memcpy(uuid, &file.st_dev, 8);
  memcpy(uuid + 8, &file.st_ino, 8);
}

static int peer_of(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
  return peer.pid;
}

static int closed_by_peer(int fd) {
  struct pollfd look = {.fd = fd, .events = 0};
  return poll(&look, 1, 0) == 1 && (look.revents & POLLHUP);
}

// The UUID that the kernel noted when the socket was first used: here, when it was first asked about.
static struct { ino_t socket; uint8_t uuid[16]; } noted[4096];
static uint8_t *noted_uuid(int fd, int pid) {
  struct stat socket;
  static uint8_t none[16];
  if (fstat(fd, &socket) != 0) return none;
  unsigned at = socket.st_ino % 4096;
  if (noted[at].socket != socket.st_ino) {
    noted[at].socket = socket.st_ino;
    executable_uuid(pid, noted[at].uuid);
  }
  return noted[at].uuid;
}

static int token_of(int pid, audit_token_t *token) {
  char status[8192];
  unsigned uid[2], gid[2];
  if (!start_time(pid) || slurp(pid, "status", status, sizeof status) <= 0) return fail(EINVAL);
  char *uids = strstr(status, "\nUid:"), *gids = strstr(status, "\nGid:");
  if (!uids || !gids || sscanf(uids, "\nUid: %u %u", &uid[0], &uid[1]) != 2 || sscanf(gids, "\nGid: %u %u", &gid[0], &gid[1]) != 2) return fail(EINVAL);
  *token = (audit_token_t){{0xffffffff, uid[1], gid[1], uid[0], gid[0], pid, 100003, pid_version(pid)}};
  return 0;
}

static int answer(int question, const void *bytes, int length, void *value, uint32_t *size) {
  if (lying(question)) {
    if (lies[question].error) return fail(lies[question].error);
    bytes = lies[question].bytes;
    length = lies[question].length;
  }
  memcpy(value, bytes, length < (int)*size ? length : (int)*size);
  *size = length;
  return 0;
}

static int peercred(int fd, void *value, uint32_t *size) {
  struct { uint32_t version, uid; int16_t ngroups; uint16_t padding; uint32_t groups[16]; } xucred = {0};
  struct ucred peer;
  socklen_t length = sizeof peer;
  struct sockaddr_un name;
  socklen_t named = sizeof name;
  gid_t groups[65536];
  socklen_t group_size = sizeof groups;
  if (syscall(SYS_getpeername, fd, &name, &named) != 0) return fail(to_darwin(errno));
  if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return fail(to_darwin(errno));
  if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERGROUPS, groups, &group_size) != 0) group_size = 0;
  xucred.uid = peer.uid;
  xucred.groups[xucred.ngroups++] = peer.gid;
  for (unsigned at = 0; at < group_size / sizeof *groups && xucred.ngroups < 16; at += 1) xucred.groups[xucred.ngroups++] = groups[at];
  _Static_assert(sizeof xucred == 76, "struct xucred");
  return answer(1, &xucred, sizeof xucred, value, size);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *size) {
  if (level == 0xffff && option == 0x1008) return checked(syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, value, size));
  if (level != 0) return fail(42);
  if (option == 1) return peercred(fd, value, size);
  int pid = peer_of(fd);
  if (pid < 0) return fail(to_darwin(errno));
  if (pid == 0 || closed_by_peer(fd)) return fail(57);
  uint8_t *uuid = noted_uuid(fd, pid);
  switch (option) {
    case 2: case 3: return answer(option, &pid, sizeof pid, value, size);
    case 4: return answer(4, uuid, 16, value, size);
    case 6: {
      audit_token_t token;
      if (token_of(pid, &token) != 0 && !lies[6].set) return -1;
      return answer(6, &token, sizeof token, value, size);
    }
    default: return fail(102);
  }
}

// struct sockaddr has a length before its family, one byte each.
int darwin_getsockname(int fd, void *address, uint32_t *size) {
  union { struct sockaddr any; struct sockaddr_un local; uint8_t bytes[128]; } name;
  socklen_t length = sizeof name;
  if (syscall(SYS_getsockname, fd, &name, &length) != 0) return fail(to_darwin(errno));
  uint8_t family = name.any.sa_family == AF_UNIX ? 1 : name.any.sa_family == AF_INET6 ? 30 : name.any.sa_family;
  name.bytes[0] = length;
  name.bytes[1] = family;
  return answer(SOCKNAME, name.bytes, length, address, size);
}

int proc_pidinfo(int pid, int flavor, uint64_t argument, void *memory, int size) {
  struct { uint8_t uuid[16]; uint64_t id, parent; int32_t version, reserved[5]; } info = {0};
  _Static_assert(sizeof info == 56, "struct proc_uniqidentifierinfo");
  if (flavor != 17 || argument != 0) return fail(EINVAL), 0;
  info.id = start_time(pid);
  if (!info.id && !lies[17].set) return fail(ESRCH), 0;
  executable_uuid(pid, info.uuid);
  info.version = pid_version(pid);
  uint32_t length = size;
  return answer(17, &info, sizeof info, memory, &length) == 0 ? (int)length : 0;
}

static int token_moved_on(const audit_token_t *token) { return !start_time(token->word[5]) || token->word[7] != pid_version(token->word[5]); }

#ifndef BEFORE_MACOS_11
int proc_pidpath_audittoken(audit_token_t *token, void *memory, uint32_t size) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/%u/exe", token->word[5]);
  if (token_moved_on(token) && !lies[PIDPATH].set) return fail(ESRCH), 0;
  ssize_t length = readlink(link, path, sizeof path);
  if (length < 0) return fail(to_darwin(errno)), 0;
  return answer(PIDPATH, path, length, memory, &size) == 0 ? (int)size : 0;
}
#endif

// csops_internal: a text is answered behind a header of eight bytes, whose second word is the whole length.
static int text_answer(int question, const char *text, uint8_t *memory, size_t size) {
  uint8_t blob[300] = {0};
  uint32_t length = strlen(text) + 1 + 8, given = size;
  blob[6] = length >> 8;
  blob[7] = length;
  memcpy(blob + 8, text, length - 8);
  if (!lies[question].set && size < length) return fail(ERANGE);
  return answer(question, blob, length, memory, &given);
}

int csops_audittoken(int pid, unsigned operation, void *memory, size_t size, audit_token_t *token) {
  uint32_t flags = 0x20000003, category = 10, given = size; // signed, valid, ad hoc; nobody vouches
  uint8_t hash[20] = "cdhash";
  int question = CSOPS + operation;
  if (token->word[5] != (uint32_t)pid || token_moved_on(token)) return fail(ESRCH);
  switch (operation) {
    case 0: return size == 4 ? answer(question, &flags, 4, memory, &given) : fail(ERANGE);
    case 5: executable_uuid(pid, hash + 4); return size == 20 ? answer(question, hash, 20, memory, &given) : fail(EINVAL);
    case 11: return text_answer(question, "stand-in", memory, size);
    case 14: return lies[question].set ? text_answer(question, "", memory, size) : fail(ENOENT);
    case 17: return size == 4 ? answer(question, &category, 4, memory, &given) : fail(ERANGE);
    default: return fail(EPERM);
  }
}

// One queue: which processes are watched, and what they were.
struct kevent { uint64_t ident; int16_t filter; uint16_t flags; uint32_t fflags; int64_t data; uint64_t udata; };
_Static_assert(sizeof(struct kevent) == 32, "struct kevent");
static struct { int pid; uint64_t start; } watched[64];

int kqueue(void) { return lying(KQUEUE) ? fail(lies[KQUEUE].error) : checked(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

static int64_t change(const struct kevent *wanted) {
  int free_place = -1, place = -1;
  for (int at = 0; at < 64; at += 1) {
    if (watched[at].pid == (int)wanted->ident) place = at;
    if (!watched[at].pid && free_place < 0) free_place = at;
  }
  if (wanted->filter != -5 || (!(wanted->flags & 2) && wanted->fflags != 0x80000000)) return EINVAL;
  if (wanted->flags & 2) { if (place < 0) return ENOENT; watched[place].pid = 0; return 0; }
  if (!start_time(wanted->ident)) return ESRCH;
  if (place < 0) place = free_place;
  if (place < 0) return ENOMEM;
  watched[place].pid = wanted->ident;
  watched[place].start = start_time(wanted->ident);
  return 0;
}

int kevent(int queue, const struct kevent *changes, int count, struct kevent *events, int most, const void *timeout) {
  if (queue < 0 || !timeout) return fail(EBADF);
  if (lying(KEVENT)) return fail(lies[KEVENT].error);
  if (count > 0) {
    events[0] = changes[0];
    events[0].flags = 0x4000;
    events[0].data = change(changes);
    return 1;
  }
  int found = 0;
  for (int at = 0; at < 64 && found < most; at += 1) {
    if (!watched[at].pid) continue;
    if (start_time(watched[at].pid) == watched[at].start) continue;
    events[found++] = (struct kevent){.ident = watched[at].pid, .filter = -5, .flags = 0x10, .fflags = 0x80000000};
    watched[at].pid = 0; // EV_ONESHOT
  }
  return found;
}

int getrlimit(int resource, void *limit) { return resource == 8 ? checked(syscall(SYS_prlimit64, 0, 7, NULL, limit)) : fail(EINVAL); }
int close(int fd) { return checked(syscall(SYS_close, fd)); }
int socket(int domain, int type, int protocol) { return checked(syscall(SYS_socket, domain, type, protocol)); }
int darwin_socketpair(int domain, int type, int protocol, int *pair) { return checked(syscall(SYS_socketpair, domain, type, protocol, pair)); }
int listen(int fd, int backlog) { return checked(syscall(SYS_listen, fd, backlog)); }
uint16_t darwin_umask(uint16_t mask) { return syscall(SYS_umask, mask); }

int flock(int fd, int operation) { return checked(syscall(SYS_flock, fd, operation)); }
int unlinkat(int folder, const char *name, int flags) { return checked(syscall(SYS_unlinkat, folder, name, flags)); }
int darwin_fchownat(int folder, const char *name, uint32_t uid, uint32_t gid, int flags) {
  return flags == 0x20 ? checked(syscall(SYS_fchownat, folder, name, uid, gid, AT_SYMLINK_NOFOLLOW)) : fail(EINVAL);
}
int darwin_fchmodat(int folder, const char *name, uint16_t mode, int flags) {
  struct stat file;
  if (flags != 0x20 || fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) != 0) return fail(EINVAL);
  return S_ISLNK(file.st_mode) ? fail(45) : checked(syscall(SYS_fchmodat, folder, name, mode));
}

static int with_address(long call, int fd, const uint8_t *address, unsigned length) {
  struct sockaddr_un local = {.sun_family = AF_UNIX};
  if (length < 3 || address[0] != length || address[1] != 1 || length - 2 > 104) return fail(EINVAL);
  memcpy(local.sun_path, address + 2, length - 2);
  return checked(syscall(call, fd, &local, sizeof local));
}
int darwin_bind(int fd, const void *address, unsigned length) { return with_address(SYS_bind, fd, address, length); }
int darwin_connect(int fd, const void *address, unsigned length) { return with_address(SYS_connect, fd, address, length); }

int fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  int argument = va_arg(rest, int);
  va_end(rest);
  return checked(syscall(SYS_fcntl, fd, command, argument));
}

// Darwin changes the folder of one thread; a test has but one that asks.
int pthread_fchdir_np(int fd) {
  static int before = -1;
  if (fd >= 0) {
    if (before < 0) before = syscall(SYS_openat, AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);
    return checked(syscall(SYS_fchdir, fd));
  }
  if (before < 0) return fail(EBADF);
  int result = checked(syscall(SYS_fchdir, before));
  syscall(SYS_close, before);
  before = -1;
  return result;
}

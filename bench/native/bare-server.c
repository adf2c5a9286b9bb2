// bare-server PATH plain|attest: the floor under a gate's figures. One thread accepts, makes the system calls that the gate makes
// for a program (`attest`: those of a known process where the last peer is that process, and those of a first look otherwise),
// compares nothing, writes one byte and closes. Whatever JavaScript and Node's streams cost is what a gate has beyond this.
// On SIGUSR1 it writes the processor time that it used, in µs, as a 64-bit integer. Linux 6.13; it ends where a call fails.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

// linux/pidfd.h 6.13 and linux/fs.h 6.11, for older headers.
#define PEERPIDFD 77
#define PIDFD_PID_NAMESPACE _IO(0xFF, 5)
#define PIDFD_INFO _IOC(_IOC_READ | _IOC_WRITE, 0xFF, 11, 64)
struct info { uint64_t mask, cgroup; uint32_t rest[12]; };
struct query { uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode; uint32_t major, minor, name_size, id_size; uint64_t name, id; };
#define MAPS_QUERY _IOWR('f', 17, struct query)
#define NEXT_EXECUTABLE (0x04 | 0x10)
struct scan { uint64_t size, flags, start, end, walk_end, regions, regions_len, max_pages, inverted, mask, anyof, give; };
#define PAGES_SCAN _IOWR('f', 16, struct scan)
#define OF_FILE 4
#define IN_MEMORY (8 | 16)

static char text[16384];
static struct statx status;
static struct { pid_t pid; uint64_t pidfd; int exe, pagemap, cgroup; } known = { .exe = -1, .pagemap = -1, .cgroup = -1 };

static void tell(int signal) {
  (void)signal;
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  int64_t micros = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
  if (write(STDOUT_FILENO, &micros, sizeof micros) != sizeof micros) _exit(1);
}

static void must(int held, const char *call) {
  if (held) return;
  perror(call);
  exit(1);
}

static int of_process(pid_t pid, const char *name, int flags) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
  must(fd >= 0, path);
  return fd;
}

static void status_of(int fd) { must(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0, "statx(fd)"); }
static void status_of_link(const char *path) { must(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0, "statx(path)"); }

/** Every executable mapping, the file that it names, and the pages of it that are not the file's. */
static void look_at_code(int maps, int pagemap) {
  static char name[4096];
  struct { uint64_t start, end, categories; } region;
  struct { uint64_t start, end; int file; } found[64];
  int count = 0;
  for (uint64_t address = 0; count < 64; address = found[count - 1].end) {
    struct query query = { .size = sizeof query, .flags = NEXT_EXECUTABLE, .address = address, .name_size = sizeof name, .name = (uintptr_t)name };
    if (ioctl(maps, MAPS_QUERY, &query) != 0) break;
    found[count].start = query.start;
    found[count].end = query.end;
    found[count].file = query.inode != 0;
    if (query.inode != 0 && count > 0) status_of_link(name);
    count += 1;
  }
  for (int at = 0; at < count; at += 1) {
    struct scan scan = {
      .size = sizeof scan, .start = found[at].start, .end = found[at].end, .regions = (uintptr_t)&region, .regions_len = 1, .max_pages = 1,
      .inverted = OF_FILE, .mask = OF_FILE, .anyof = IN_MEMORY, .give = IN_MEMORY,
    };
    must(ioctl(pagemap, PAGES_SCAN, &scan) >= 0, "PAGEMAP_SCAN");
  }
}

/** What is at the end of a path that has no link in it. */
static void status_of_way(const char *path) {
  struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
  int at = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  must(at >= 0, "openat2");
  status_of(at);
  close(at);
}

static void first_look(pid_t pid, int pidfd) {
  if (known.exe >= 0) { close(known.exe); close(known.pagemap); close(known.cgroup); }
  known.cgroup = of_process(pid, "cgroup", 0);
  must(pread(known.cgroup, text, sizeof text, 0) > 0, "pread(cgroup)");
  int namespace = ioctl(pidfd, PIDFD_PID_NAMESPACE, 0);
  must(namespace >= 0, "PIDFD_GET_PID_NAMESPACE");
  status_of(namespace);
  close(namespace);
  int auxv = of_process(pid, "auxv", 0);
  known.pagemap = of_process(pid, "pagemap", 0);
  int maps = of_process(pid, "maps", 0);
  known.exe = of_process(pid, "exe", O_PATH);
  status_of(known.exe);
  look_at_code(maps, known.pagemap);
  pread(known.pagemap, text, 1, 0);
  close(maps);
  status_of(known.exe);
  static char path[4096];
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", known.exe);
  ssize_t size = readlink(link, path, sizeof path - 1);
  must(size > 0, "readlink");
  path[size] = 0;
  status_of_way(path);
  must(pread(auxv, text, 2048, 0) > 0, "pread(auxv)");
  close(auxv);
  known.pid = pid;
}

static void attest(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  must(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, "SO_PEERCRED");
  size = sizeof text;
  must(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, text, &size) == 0, "SO_PEERGROUPS");
  int pidfd = -1;
  size = sizeof pidfd;
  must(getsockopt(fd, SOL_SOCKET, PEERPIDFD, &pidfd, &size) == 0, "SO_PEERPIDFD");
  status_of(pidfd);
  uint64_t inode = status.stx_ino;
  struct info info = { .mask = 7 };
  must(ioctl(pidfd, PIDFD_INFO, &info) == 0, "PIDFD_GET_INFO");
  if (known.pid == peer.pid && known.pidfd == inode) must(pread(known.cgroup, text, sizeof text, 0) > 0, "pread(cgroup)");
  else first_look(peer.pid, pidfd);
  known.pidfd = inode;
  struct pollfd exited = { .fd = pidfd, .events = POLLIN };
  must(poll(&exited, 1, 0) == 0, "poll: the peer exited");
  pread(known.pagemap, text, 1, 0); // EINVAL while the memory is there
  status_of(known.exe);
  close(pidfd);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int attests = strcmp(argv[2], "attest") == 0;
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
  must(listen(listener, 4096) == 0, "listen");
  struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  raise(SIGUSR1); // says as well that it listens
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    must(fd >= 0, "accept4");
    if (attests) attest(fd);
    must(write(fd, "x", 1) == 1, "write");
    close(fd);
  }
}

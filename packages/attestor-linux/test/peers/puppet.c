// A peer that does as it is told, one command a line on its standard input, each answered by `ok` or `error <errno>`.
//   puppet SOCKET      waits for commands          puppet hold      does nothing until it is killed
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int connected = -1;
static char stack[65536] __attribute__((aligned(16)));

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return connect(connected, (struct sockaddr *)&address, sizeof address);
}

// One datagram, from a socket of its own.
static int send_datagram(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  return sendto(from, "datagram", 8, 0, (struct sockaddr *)&address, sizeof address) == 8 ? close(from) : -1;
}

static pid_t self_pid;

static int outlive_nobody(void *unused) {
  (void)unused;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  while (getppid() == self_pid) pause(); // it may have died before the call above
  return 0;
}

static int map_executable(const char *path) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? -1 : 0;
}

// A page of our own code becomes a copy that is ours.
static int write_over_code(void) {
  char *page = (char *)((uintptr_t)map_executable & ~(uintptr_t)4095);
  if (mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC)) return -1;
  *(volatile char *)page = *(volatile char *)page;
  return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int run(const char *self, const char *socket_path, char *command, char *argument) {
  if (!strcmp(command, "connect")) return connect_to(socket_path);
  if (!strcmp(command, "close")) return close(connected);
  if (!strcmp(command, "write")) return write(connected, "bytes", 5) == 5 ? 0 : -1;
  if (!strcmp(command, "datagram")) return send_datagram(argument);
  if (!strcmp(command, "keep")) return fcntl(connected, F_SETFD, 0); // across an exec
  // Another program, or the same one again; the socket is close-on-exec, standard input and output stay.
  if (!strcmp(command, "exec")) return execl(argument, argument, socket_path, (char *)NULL);
  if (!strcmp(command, "execself")) return execl(self, self, socket_path, (char *)NULL);
  // A sibling that keeps this memory alive beyond the next exec (T2).
  if (!strcmp(command, "sibling")) return clone(outlive_nobody, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL) < 0 ? -1 : 0;
  if (!strcmp(command, "dumpable")) return prctl(PR_SET_DUMPABLE, atol(argument), 0, 0, 0);
  if (!strcmp(command, "setuid")) return setresuid(atol(argument), atol(argument), atol(argument));
  if (!strcmp(command, "seteuid")) return seteuid(atol(argument));
  if (!strcmp(command, "comm")) return prctl(PR_SET_NAME, argument);
  if (!strcmp(command, "map")) return map_executable(argument);
  if (!strcmp(command, "jit")) return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
  if (!strcmp(command, "overwrite")) return write_over_code();
  if (!strcmp(command, "unshare")) return unshare(atol(argument));
  // A child connects and exits; nobody waits for it (T1).
  if (!strcmp(command, "zombie")) {
    int pid = fork();
    if (pid == 0) _exit(connect_to(socket_path) ? 1 : 0);
    siginfo_t info;
    return pid < 0 ? -1 : waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
  }
  // A child stays behind with the connection; this process is gone (T9).
  if (!strcmp(command, "orphan")) {
    int pid = fork();
    char byte;
    while (pid == 0 && read(connected, &byte, 1) > 0); // until the other end closes it
    _exit(0);
  }
  errno = EINVAL;
  return -1;
}

int main(int count, char **arguments) {
  char line[8192];
  self_pid = getpid();
  while (count > 1 && !strcmp(arguments[1], "hold")) pause();
  setvbuf(stdout, NULL, _IONBF, 0);
  setvbuf(stdin, NULL, _IONBF, 0); // nothing of the next command may be lost in an exec
  if (write(1, "ready\n", 6) != 6) return 1;
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char *argument = strchr(line, ' ');
    if (argument) *argument++ = 0;
    if (!strcmp(line, "quit")) return 0;
    int failed = run(arguments[0], arguments[1], line, argument ? argument : "");
    if (failed) printf("error %d\n", errno); else printf("ok\n");
  }
  return 0;
}

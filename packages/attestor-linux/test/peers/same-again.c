// T2: same-again SOCKET   connects and says `connected`. At a line of its standard input it leaves a sibling in its memory, runs itself
// again with the same arguments and at the same addresses, so that the auxiliary vector is the same too, writes into its own code
// there, and connects: `changed`. Lives until its standard input ends.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/** Open in the second run only: arguments and environment would move the stack. */
enum { SECOND = 100 };

static char stack[16384];

static int keep_memory(void *nothing) {
  for (;;) pause();
  return nothing != NULL;
}

static int dial(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int changed_code(void) {
  char *page = (char *)((uintptr_t)keep_memory & ~(uintptr_t)4095);
  if (mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC)) return -1;
  *(volatile char *)page = *(volatile char *)page;
  return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int say(const char *word) {
  puts(word);
  return fflush(stdout);
}

int main(int count, char **arguments) {
  if (count != 2) return 2;
  int second = fcntl(SECOND, F_GETFD) >= 0;
  if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
    personality(personality(0xffffffff) | ADDR_NO_RANDOMIZE);
    execv(arguments[0], arguments);
    return perror("execv"), 1;
  }
  if (second && changed_code()) return perror("mprotect"), 1;
  if (dial(arguments[1])) return perror("connect"), 1;
  say(second ? "changed" : "connected");
  char byte;
  while (read(STDIN_FILENO, &byte, 1) == 1) {
    if (byte != '\n' || second) continue;
    // Ends with us: it would keep more than our memory otherwise.
    if (clone(keep_memory, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL) < 0) return perror("clone"), 1;
    dup2(STDIN_FILENO, SECOND);
    execv(arguments[0], arguments);
    return perror("execv"), 1;
  }
  return 0;
}

// T1: makes a process that has the pid of one that is gone, then leaves it behind.   recycle PID UID GID PROGRAM [ARGUMENT]
// clone3's set_tid (Linux 5.5) wants CAP_CHECKPOINT_RESTORE, and waits here until the pid is free.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 5) return 2;
  pid_t wanted = atol(arguments[1]);
  struct clone_args how = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&wanted, .set_tid_size = 1};
  for (int tries = 0; tries < 20000; tries++) {
    long pid = syscall(SYS_clone3, &how, sizeof how);
    if (pid == 0) {
      int null = open("/dev/null", O_RDWR);
      dup2(null, 0), dup2(null, 1), dup2(null, 2);
      uid_t uid = atol(arguments[2]);
      gid_t gid = atol(arguments[3]);
      if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) _exit(1);
      execl(arguments[4], arguments[4], count > 5 ? arguments[5] : NULL, (char *)NULL);
      _exit(1);
    }
    if (pid > 0) {
      // Until the child runs its program: the kernel closes a close-on-exec pipe then, but a pidfd says less; look at the link.
      char link[64], now[4096], self[4096];
      for (char *at = link, *digits = arguments[1], *parts[] = {"/proc/", digits, "/exe"}, **part = parts; part < parts + 3; part++)
        for (char *from = *part; (*at = *from); at++, from++);
      long own = readlink("/proc/self/exe", self, sizeof self), size;
      do size = readlink(link, now, sizeof now); while (size == own && !__builtin_memcmp(now, self, own));
      return 0;
    }
    if (errno != EEXIST) return 3;
    usleep(100);
  }
  return 4;
}

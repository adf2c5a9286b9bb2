// Runs a program under a tracer, which could now put any word into its mouth (T11).   traced PROGRAM [ARGUMENTS]
// The tracer is a child, so that the program keeps our process id; Yama has to be told that it may.
#define _GNU_SOURCE
#include "visit.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static int trace(pid_t peer, int say) {
  int failed = ptrace(PTRACE_SEIZE, peer, 0, 0) ? errno : 0;
  if (write(say, &failed, sizeof failed) != sizeof failed || failed) return 1;
  for (int fd = 0; fd < 3; fd++) close(fd); // the peer's, who wants to see them end
  for (int status; waitpid(peer, &status, __WALL) == peer && WIFSTOPPED(status);) {
    int event = status >> 16, signal = WSTOPSIG(status);
    if (event) signal = 0;
    ptrace(PTRACE_CONT, peer, 0, (long)signal);
  }
  return 0;
}

int main(int count, char **arguments) {
  int told[2], go[2], failed = ECHILD;
  if (count < 2) return 2;
  if (pipe(told) || pipe(go)) not_here("pipe");
  pid_t peer = getpid(), tracer = fork();
  if (tracer < 0) not_here("fork");
  if (tracer == 0) {
    char byte;
    close(go[1]);
    close(told[0]);
    if (read(go[0], &byte, 1) != 1) return 1;
    return trace(peer, told[1]);
  }
#ifdef PR_SET_PTRACER
  prctl(PR_SET_PTRACER, tracer, 0, 0, 0);
#endif
  close(told[1]);
  if (write(go[1], "x", 1) != 1 || read(told[0], &failed, sizeof failed) != sizeof failed || failed) {
    errno = failed;
    not_here("ptrace");
  }
  close(told[0]);
  close(go[0]);
  close(go[1]);
  execv(arguments[1], arguments + 1);
  not_here("execv");
}

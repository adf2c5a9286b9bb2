// Runs a program with our own input and output, and reaps it at once when it dies.   keeper PROGRAM [ARGUMENTS]
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 2) return 2;
  pid_t self = getpid(), child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != self) _exit(1);
    execv(arguments[1], arguments + 1);
    _exit(1);
  }
  waitpid(child, NULL, 0);
  for (;;) pause();
}

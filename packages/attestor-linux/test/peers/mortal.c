// Runs a program that dies with whoever started it, even while it is stopped, and after ten minutes at the latest: a test run that
// is killed leaves nobody behind.   mortal PROGRAM ARGUMENT...
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 2 || prctl(PR_SET_PDEATHSIG, SIGKILL)) return 2;
  alarm(600);
  execv(arguments[1], arguments + 1);
  return 2;
}

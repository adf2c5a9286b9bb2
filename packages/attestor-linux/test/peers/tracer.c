// T11: attaches to a process and stays attached.   tracer PID
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 2 || ptrace(PTRACE_SEIZE, atol(arguments[1]), 0, 0)) { printf("error\n"); return 1; }
  printf("ready\n");
  fflush(stdout);
  for (;;) pause();
}

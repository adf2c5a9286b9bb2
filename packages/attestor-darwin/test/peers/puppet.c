// A peer that does as it is told, one command a line on its standard input, each answered by `ok` or `error <errno>`; `ready`
// when it starts.   puppet SOCKET
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char puppet_name[] = PUPPET_NAME;
static int connected = -1;

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  connected = socket(AF_UNIX, SOCK_STREAM, 0);
  return connect(connected, (struct sockaddr *)&address, sizeof address);
}

static int run(char **arguments, char *command) {
  if (!strcmp(command, "connect")) return connect_to(arguments[1]);
  if (!strcmp(command, "close")) return close(connected);
  // Another program, or the same one again, with the connection open in it (T2).
  if (!strncmp(command, "exec ", 5)) return execl(command + 5, command + 5, arguments[1], (char *)NULL);
  // A child stays behind with the connection; this process is gone (T9).
  if (!strcmp(command, "orphan")) {
    char byte;
    int pid = fork();
    while (pid == 0 && read(connected, &byte, 1) > 0);
    _exit(0);
  }
  errno = EINVAL;
  return -1;
}

int main(int count, char **arguments) {
  char line[8192];
  if (count < 2) return 2;
  setvbuf(stdout, NULL, _IONBF, 0);
  setvbuf(stdin, NULL, _IONBF, 0); // nothing of the next command may be lost in an exec
  printf("ready\n");
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (!strcmp(line, "quit")) return 0;
    if (run(arguments, line)) printf("error %d\n", errno); else printf("ok\n");
  }
  return 0;
}

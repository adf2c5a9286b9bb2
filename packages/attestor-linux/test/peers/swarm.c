// T1, T20: so many processes, one after the other, each of which connects and is gone.   swarm SOCKET COUNT
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 3) return 2;
  signal(SIGCHLD, SIG_IGN); // nobody waits, and none becomes a zombie
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  for (int left = atoi(arguments[2]); left > 0; left--) {
    if (fork()) continue;
    int connected = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(connected, (struct sockaddr *)&address, sizeof address)) _exit(1);
    usleep(left % 8 * 500); // some die before they are looked at, some while, some after
    _exit(0);
  }
  puts("done");
  fflush(stdout);
  pause();
  return 0;
}

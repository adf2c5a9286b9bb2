// T20: connects, then stops in the middle of an exec: the kernel closes a close-on-exec file of a FUSE file system, and
// waits for the file system's server, which is ours and says nothing. All the while it holds `exec_update_lock`, and
// whoever opens this process's maps, exe link, namespaces, auxv or stat waits too.   hold-exec SOCKET PROGRAM UID [PORT]
// With a port it connects to that one of 127.0.0.1, and keeps its socket over the exec; SOCKET is where its folder goes.
// Goes on when its standard input ends.
#include "held-file.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int count, char **arguments) {
  if (count < 4) return 2;
  const char *file = held_file(arguments[1], atoi(arguments[3]), 1);
  if (!file || open(file, O_RDONLY | O_CLOEXEC) < 0) goto failed;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(count > 4 ? atoi(arguments[4]) : 0)};
  struct sockaddr *to = count > 4 ? (struct sockaddr *)&loopback : (struct sockaddr *)&address;
  int connected = socket(to->sa_family, SOCK_STREAM, 0);
  if (connect(connected, to, count > 4 ? sizeof loopback : sizeof address)) goto failed;
  execl(arguments[2], arguments[2], "hold", NULL);
failed:
  printf("error %d\n", errno);
  fflush(stdout);
  return 1;
}

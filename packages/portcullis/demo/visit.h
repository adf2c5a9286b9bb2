// How every C peer of the demo visits: it waits until it is told to, connects, asks, and says what it was told.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// Exit code 77: it cannot be done on this machine, which is no fault of the gate's.
static inline void not_here(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(77);
}

static inline void wait_for_word(void) {
  char byte;
  while (read(0, &byte, 1) == 1) continue;
}

static inline int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  int connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connected < 0 || connect(connected, (struct sockaddr *)&address, sizeof address)) {
    perror("connect");
    exit(1);
  }
  return connected;
}

static inline void ask(int connected, const char *name) {
  char request[512];
  int length = snprintf(request, sizeof request, "GET /%s HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n", name);
  if (write(connected, request, length) != length) exit(1);
}

static inline int answer(int connected) {
  char text[4096];
  long size;
  while ((size = read(connected, text, sizeof text)) > 0) if (write(1, text, size) != size) return 1;
  return size == 0 ? 0 : 1;
}

// load-client PATH N C      N connections from this process, C of them at once; expects one byte, then the end
// load-client PATH N fork   N connections, each from a process that never connected before, in crowds
// load-client PATH N hold   N connections, prints "held", keeps them until its standard input ends
// load-client PATH N leave  the same, with a child that keeps them as long as the server does, whatever becomes of this process
// load-client PATH N send:S N bytes by one connection, S bytes a write; expects one byte after the last
// Prints how many connections did not get exactly one byte.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int dial(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) { perror("socket"); exit(1); }
  while (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    if (errno != EAGAIN && errno != EINTR) { perror("connect"); exit(1); }
    usleep(100); // the backlog is full
  }
  return fd;
}

// Reads to the end; 0 if it was exactly one byte.
static int finish(int fd) {
  char bytes[16];
  ssize_t got = 0, count;
  while ((count = read(fd, bytes, sizeof bytes)) > 0) got += count;
  close(fd);
  return got == 1 && count == 0 ? 0 : 1;
}

static long many(long n, long at_once) {
  struct pollfd *open = calloc((size_t)at_once, sizeof *open);
  long started = 0, done = 0, bad = 0;
  for (long i = 0; i < at_once; i++) open[i] = (struct pollfd){.fd = started++ < n ? dial() : -1, .events = POLLIN};
  while (done < n) {
    if (poll(open, (nfds_t)at_once, 30000) <= 0) { fprintf(stderr, "stalled at %ld of %ld\n", done, n); exit(1); }
    for (long i = 0; i < at_once; i++) {
      if (open[i].fd < 0 || !open[i].revents) continue;
      bad += finish(open[i].fd);
      done++;
      open[i].fd = started < n ? (started++, dial()) : -1;
    }
  }
  return bad;
}

enum { CROWD = 200 };

// A crowd of processes is made first and let go together, so that making them is not what the server waits for.
static long forked(long n) {
  long bad = 0;
  for (long made = 0; made < n;) {
    int gate[2];
    if (pipe(gate) < 0) { perror("pipe"); exit(1); }
    long crowd = n - made < CROWD ? n - made : CROWD;
    for (long i = 0; i < crowd; i++) {
      if (fork() != 0) continue;
      close(gate[1]);
      char go;
      (void)!read(gate[0], &go, 1); // returns at the end of the pipe
      _exit(finish(dial()));
    }
    close(gate[0]);
    close(gate[1]);
    for (long i = 0; i < crowd; i++) {
      int status;
      if (wait(&status) > 0) bad += status != 0;
    }
    made += crowd;
  }
  return bad;
}

static long held(long n, int with_child) {
  int fd = -1;
  for (long i = 0; i < n; i++) fd = dial();
  if (with_child && fork() == 0) _exit(finish(fd));
  puts("held");
  fflush(stdout);
  while (getchar() != EOF) {}
  return 0;
}

static long sent(long n, long size) {
  char *bytes = calloc(1, (size_t)size);
  int fd = dial();
  for (long left = n; left > 0;) {
    ssize_t count = write(fd, bytes, (size_t)(left < size ? left : size));
    if (count < 0) { perror("write"); exit(1); }
    left -= count;
  }
  shutdown(fd, SHUT_WR);
  return finish(fd);
}

int main(int argc, char **argv) {
  if (argc != 4 || strlen(argv[1]) >= sizeof address.sun_path) { fprintf(stderr, "usage: load-client PATH N C|fork|hold|leave|send:S\n"); return 2; }
  strcpy(address.sun_path, argv[1]);
  long n = atol(argv[2]);
  long bad = !strcmp(argv[3], "fork") ? forked(n) : !strcmp(argv[3], "hold") ? held(n, 0) : !strcmp(argv[3], "leave") ? held(n, 1) : !strncmp(argv[3], "send:", 5) ? sent(n, atol(argv[3] + 5)) : many(n, atol(argv[3]));
  printf("%ld\n", bad);
  return bad ? 3 : 0;
}

// A TCP client that does as it is told, one command a line on its standard input, each answered by `ok`, `ok <number>` or
// `error <errno>`.     tcp-puppet ADDRESS PORT      tcp-puppet hold: does nothing until it is killed
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int connected = -1;
static int parked = -1; // the other end of where the socket waits: it lives as long as we do

// An address with a colon is an IPv6 one: ::1, ::ffff:127.0.0.1.
static socklen_t address_of(struct sockaddr_storage *there, const char *address, int port) {
  memset(there, 0, sizeof *there);
  if (strchr(address, ':')) {
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)there;
    *six = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    return inet_pton(AF_INET6, address, &six->sin6_addr) == 1 ? sizeof *six : 0;
  }
  struct sockaddr_in *four = (struct sockaddr_in *)there;
  *four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  return inet_pton(AF_INET, address, &four->sin_addr) == 1 ? sizeof *four : 0;
}

static int connect_from(const char *address, int port, const char *source, int source_port) {
  struct sockaddr_storage there;
  socklen_t length = address_of(&there, address, port);
  int one = 1;
  connected = socket(there.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (source) {
    struct sockaddr_storage here;
    socklen_t size = address_of(&here, source, source_port);
    setsockopt(connected, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(connected, (struct sockaddr *)&here, size)) return -1;
  }
  return connect(connected, (struct sockaddr *)&there, length);
}

static int source_port(void) {
  struct sockaddr_storage here;
  socklen_t length = sizeof here;
  if (getsockname(connected, (struct sockaddr *)&here, &length)) return -1;
  return ntohs(((struct sockaddr_in *)&here)->sin_port); // at the same offset in both families
}

// The other end of the connection gets a reset, and what was written before stays there to be read.
static int reset(void) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  return setsockopt(connected, SOL_SOCKET, SO_LINGER, &now, sizeof now) || close(connected);
}

// The socket is in a message that nobody received yet: in no process's list of descriptors.
static int park(void) {
  int pair[2];
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec byte = {.iov_base = "x", .iov_len = 1};
  struct msghdr message = {.msg_iov = &byte, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(header), &connected, sizeof(int));
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sendmsg(pair[0], &message, 0) != 1) return -1;
  parked = pair[1];
  return close(connected);
}

// A child with the socket: the same program, or another that inherits it. It ends with us.
static int child(const char *program) {
  pid_t pid = fork();
  if (pid) return pid < 0 ? -1 : 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!*program) for (;;) pause();
  dup2(connected, 9);
  execl(program, program, "hold", (char *)NULL);
  _exit(1);
}

// Both ends of a connection in a network namespace of its own; answers the number of the accepted one.
static int elsewhere(void) {
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof here;
  if (unshare(CLONE_NEWNET)) return -1;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  if (ioctl(listening, SIOCSIFFLAGS, &lo) || bind(listening, (struct sockaddr *)&here, length) || listen(listening, 1)) return -1;
  if (getsockname(listening, (struct sockaddr *)&here, &length)) return -1;
  connected = socket(AF_INET, SOCK_STREAM, 0);
  return connect(connected, (struct sockaddr *)&here, length) ? -1 : accept(listening, NULL, NULL);
}

static int run(char **arguments, char *command, char *argument) {
  const char *address = arguments[1];
  int port = atoi(arguments[2]);
  char *source = *argument ? argument : NULL;
  char *separator = source ? strchr(source, ' ') : NULL;
  if (separator) *separator++ = 0;
  if (!strcmp(command, "connect")) return connect_from(address, port, source, separator ? atoi(separator) : 0) ? -1 : source_port();
  if (!strcmp(command, "write")) return write(connected, "bytes", 5) == 5 ? 0 : -1;
  if (!strcmp(command, "close")) return close(connected);
  if (!strcmp(command, "half")) return shutdown(connected, SHUT_WR);
  if (!strcmp(command, "reset")) return reset();
  if (!strcmp(command, "dup")) return dup(connected) < 0 ? -1 : 0;
  if (!strcmp(command, "park")) return park();
  if (!strcmp(command, "child")) return child(argument);
  if (!strcmp(command, "elsewhere")) return elsewhere();
  if (!strcmp(command, "setuid")) return setresuid(atol(argument), atol(argument), atol(argument));
  if (!strcmp(command, "many")) {
    for (int left = atoi(argument); left > 0; left -= 1) if (connect_from(address, port, NULL, 0)) return -1;
    return 0;
  }
  errno = EINVAL;
  return -1;
}

int main(int count, char **arguments) {
  char line[4096];
  while (count == 2) pause();
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count < 3 || write(1, "ready\n", 6) != 6) return 1;
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    char *argument = strchr(line, ' ');
    if (argument) *argument++ = 0;
    int result = run(arguments, line, argument ? argument : "");
    if (result < 0) printf("error %d\n", errno); else if (result > 0) printf("ok %d\n", result); else printf("ok\n");
  }
  return parked < -1;
}

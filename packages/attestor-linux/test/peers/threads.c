// threads SOCKET       connects with two threads: the main one has a seccomp filter, no_new_privs and no capability left, the other has
// none of that, says its id, and is the one that could write.
// threads SOCKET hop   the other one does nothing but make the next, which is as free, and end.
// threads SOCKET leave  the main thread ends, and the other one connects.
// threads SOCKET many COUNT GROUPS   connects with so many others, all of them in so many supplementary groups.
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_barrier_t started;

static void *other(void *unused) {
  printf("%ld\n", syscall(SYS_gettid));
  pthread_barrier_wait(&started);
  for (;;) pause();
  return unused;
}

static void *hop(void *unused) {
  pthread_t next;
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  while (pthread_create(&next, &detached, hop, NULL)); // EAGAIN: the one before has not ended yet
  return unused;
}

static void *first_hop(void *unused) {
  pthread_barrier_wait(&started);
  return hop(unused);
}

static void *idle(void *unused) {
  for (;;) pause();
  return unused;
}

static int many(int others, int groups) {
  static gid_t gids[65536];
  for (int at = 0; at < groups; at++) gids[at] = 100000 + at;
  if (groups > 65536 || setgroups(groups, gids)) return -1;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (pthread_t thread; others > 0; others--) if (pthread_create(&thread, &small, idle, NULL)) return -1;
  return 0;
}

static const char *socket_path;
static int connect_to(const char *path);

static void *connect_alone(void *main_thread) {
  if (pthread_join(*(pthread_t *)main_thread, NULL) || connect_to(socket_path)) _exit(1);
  return idle(NULL);
}

static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&address, sizeof address);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count < 2) return 2;
  if (count > 4) {
    if (many(atoi(arguments[3]), atoi(arguments[4])) || connect_to(arguments[1])) return 1;
    for (;;) pause();
  }
  if (count > 2 && !strcmp(arguments[2], "leave")) {
    static pthread_t self, rest;
    self = pthread_self();
    socket_path = arguments[1];
    if (pthread_create(&rest, NULL, connect_alone, &self)) return 1;
    pthread_exit(NULL);
  }
  pthread_t thread;
  pthread_barrier_init(&started, NULL, 2);
  if (pthread_create(&thread, NULL, count > 2 ? first_hop : other, NULL)) return 1;
  pthread_barrier_wait(&started);
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &head, none)) return 1;
  struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
  struct sock_fprog program = {.len = 1, .filter = &allow};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 1;
  if (connect_to(arguments[1])) return 1;
  for (;;) pause();
}

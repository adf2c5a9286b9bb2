// T20: connects, then keeps the lock of its own memory: one thread reads a page of a file that never answers, and another maps
// that file past the page cache, which waits for the page. All the while whoever reads this process's pagemap, arguments or
// environment waits too, and on most kernels who reads its maps: the mapping goes over the lowest one of this process, so that
// it is locked by itself as well. Says `held` when it is, and ends when its standard input does.   hold-memory SOCKET UID [again]
// `again`: it connects a first time at once, and all this begins with SIGUSR1.
#include "held-file.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LOWEST ((void *)0x10000)

static int one, two;

static void *reading(void *nothing) {
  char byte;
  (void)nothing;
  return (void *)read(one, &byte, 1);
}

static void *mapping(void *nothing) {
  (void)nothing;
  return mmap(LOWEST, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, two, 0);
}

static int reach(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

int main(int count, char **arguments) {
  int told[2], number;
  char byte;
  sigset_t awaited;
  if (count < 3 || pipe(told)) return 2;
  if (mmap(LOWEST, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) goto failed;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGUSR1);
  sigprocmask(SIG_BLOCK, &awaited, NULL);
  const char *file = held_file(arguments[1], atoi(arguments[2]), told[1]);
  if (!file || (one = open(file, O_RDONLY)) < 0 || (two = open(file, O_RDONLY)) < 0) goto failed;
  prctl(PR_SET_DUMPABLE, 1); // as it is for whoever was this user from the start
  if (count > 3 && (reach(arguments[1]) || sigwait(&awaited, &number))) goto failed;
  pthread_t reader, mapper;
  pthread_create(&reader, NULL, reading, NULL);
  if (read(told[0], &byte, 1) != 1) goto failed;
  pthread_create(&mapper, NULL, mapping, NULL);
  if (reach(arguments[1])) goto failed;
  if (write(1, "held\n", 5) < 0) return 1; // or will be in a moment: who wants to know asks for what waits
  while (read(0, &byte, 1) > 0);
  return 0;
failed:
  printf("error %d\n", errno);
  fflush(stdout);
  return 1;
}

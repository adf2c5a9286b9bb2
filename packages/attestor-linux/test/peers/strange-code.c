// strange-code SOCKET fifo FILE FIFO   maps FILE executable, removes it, and leaves a link to FIFO under the name that the kernel shows
// strange-code SOCKET vdso             writes over the vDSO and makes it executable again
// strange-code SOCKET many FILE        twelve hundred executable mappings of two files in turn
// Then connects, and holds the connection until its standard input ends.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what) { perror(what); exit(1); }

static void *map(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) die(path);
  void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) die("mmap");
  close(fd);
  return at;
}

static void fifo(const char *file, const char *target) {
  char shown[4096];
  map(file);
  if (unlink(file) < 0) die("unlink");
  snprintf(shown, sizeof shown, "%s (deleted)", file);
  if (symlink(target, shown) < 0) die("symlink");
}

static void vdso(void) {
  void *at = (void *)getauxval(AT_SYSINFO_EHDR);
  // All of its pages: one mapping stays one.
  if (mprotect(at, 8192, PROT_READ | PROT_WRITE) < 0 && mprotect(at, 4096, PROT_READ | PROT_WRITE) < 0) die("mprotect");
  ((volatile char *)at)[2048] ^= 1;
  if (mprotect(at, 8192, PROT_READ | PROT_EXEC) < 0 && mprotect(at, 4096, PROT_READ | PROT_EXEC) < 0) die("mprotect back");
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (!strcmp(argv[2], "fifo")) fifo(argv[3], argv[4]);
  if (!strcmp(argv[2], "vdso")) vdso();
  if (!strcmp(argv[2], "many")) for (int i = 0; i < 600; i++) { map(argv[3]); map("/proc/self/exe"); }
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  while (getchar() != EOF) {}
  return 0;
}

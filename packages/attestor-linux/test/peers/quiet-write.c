// quiet-write FILE   changes the last byte of a file through a mapping, where that leaves its times as they are: on tmpfs a page that
// was read can be written without a fault.
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(int count, char **arguments) {
  struct stat found;
  int file = count == 2 ? open(arguments[1], O_RDWR) : -1;
  if (file < 0 || fstat(file, &found)) return perror("open"), 1;
  volatile char *bytes = mmap(NULL, found.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (bytes == MAP_FAILED) return perror("mmap"), 1;
  char last = bytes[found.st_size - 1];
  bytes[found.st_size - 1] = last ^ 1;
  return 0;
}

// Maps root's code over and over, so that a look at it is long, says so, and stays.   much-code FILE TIMES
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **arguments) {
  struct stat file;
  int fd = count == 3 ? open(arguments[1], O_RDONLY) : -1;
  if (fd < 0 || fstat(fd, &file)) return 2;
  for (int left = atoi(arguments[2]); left > 0; left -= 1) {
    if (mmap(NULL, file.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_POPULATE, fd, 0) == MAP_FAILED) return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

// Runs a program from memory: the file that it runs from has no name anywhere (T6).   memfd PROGRAM [ARGUMENTS]
#define _GNU_SOURCE
#include "visit.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U // Linux 6.3, linux/memfd.h
#endif

extern char **environ;

int main(int count, char **arguments) {
  if (count < 2) return 2;
  int from = open(arguments[1], O_RDONLY | O_CLOEXEC);
  struct stat file;
  if (from < 0 || fstat(from, &file)) not_here("open");
  int memory = memfd_create("innocent", MFD_CLOEXEC | MFD_EXEC);
  if (memory < 0) memory = memfd_create("innocent", MFD_CLOEXEC);
  if (memory < 0) not_here("memfd_create");
  for (off_t left = file.st_size; left > 0;) {
    long copied = sendfile(memory, from, NULL, left);
    if (copied <= 0) not_here("sendfile");
    left -= copied;
  }
  fexecve(memory, arguments + 1, environ);
  not_here("fexecve");
}

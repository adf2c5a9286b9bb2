// T4: changes the last byte of a file of a user's own while it may run, without a trace in its times: a page of it is the buffer of a read
// that is not answered yet, of a FUSE file system of that user's, which keeps nobody from running the file. Says `held`, at SIGUSR1 `let go`, and
// at the next `written`.   late-page FILE UID
#include "fuse.h"
#include <pthread.h>
#include <sys/mman.h>

enum { FOLDER = 1, SOURCE, GO };
static char folder[] = "/tmp/portcullis-late-XXXXXX", given[4096];
static char *page;

static struct fuse_attr told(__u64 node) {
  return (struct fuse_attr){.ino = node, .size = node == FOLDER ? 0 : 4096, .nlink = 1, .mode = node == FOLDER ? S_IFDIR | 0755 : S_IFREG | 0755};
}

static void hold(void) {
  static char request[1 << 17];
  __u64 held = 0;
  while (read(fuse, request, sizeof request) > 0) {
    struct fuse_in_header *head = (struct fuse_in_header *)request;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    __u64 found = strcmp((char *)(head + 1), "go") == 0 ? GO : SOURCE;
    struct fuse_entry_out entry = {.nodeid = found, .attr = told(found)};
    struct fuse_attr_out got = {.attr = told(head->nodeid)};
    struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};
    switch (head->opcode) {
      case FUSE_INIT: reply(head->unique, 0, &init, sizeof init); break;
      case FUSE_LOOKUP:
        if (found == GO) reply(held, 0, given, sizeof given);
        reply(head->unique, 0, &entry, sizeof entry);
        break;
      case FUSE_GETATTR: reply(head->unique, 0, &got, sizeof got); break;
      case FUSE_OPEN: reply(head->unique, 0, &opened, sizeof opened); break;
      case FUSE_READ:
        held = head->unique;
        printf("held\n");
        fflush(stdout);
        break;
      case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
  _exit(0);
}

static void *wait_for_bytes(void *at) {
  char path[80];
  snprintf(path, sizeof path, "%s/source", folder);
  int source = open(path, O_RDONLY);
  printf(read(source, page, sizeof given) == sizeof given ? "written\n" : "error %d\n", errno);
  fflush(stdout);
  return at;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  sigset_t go;
  sigemptyset(&go);
  sigaddset(&go, SIGUSR1);
  sigprocmask(SIG_BLOCK, &go, NULL);
  struct stat found;
  int file = open(arguments[1], O_RDONLY), got, last;
  if (file < 0 || fstat(file, &found)) goto failed;
  off_t from = (found.st_size - 1) & ~4095L;
  last = found.st_size - 1 - from;
  if (pread(file, given, sizeof given, from) < 1) goto failed;
  given[last] ^= 1;
  close(file);
  if (mount_fuse(folder, atoi(arguments[2]), "", hold) || become(atoi(arguments[2])) || (file = open(arguments[1], O_RDWR)) < 0) goto failed;
  page = mmap(NULL, sizeof given, PROT_READ | PROT_WRITE, MAP_SHARED, file, from);
  pthread_t reader;
  if (page == MAP_FAILED || pthread_create(&reader, NULL, wait_for_bytes, NULL)) goto failed;
  // What held the file open for writing is gone when the test runs it: told by SIGUSR1, it has seen `held`.
  sigwait(&go, &got);
  munmap(page, sizeof given);
  close(file);
  printf("let go\n");
  fflush(stdout);
  sigwait(&go, &got);
  char path[80];
  snprintf(path, sizeof path, "%s/go", folder);
  open(path, O_RDONLY);
  pthread_join(reader, NULL);
  pause();
  return 0;
failed:
  printf("error %d\n", errno);
  fflush(stdout);
  return 1;
}

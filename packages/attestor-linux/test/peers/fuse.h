// What a server of a FUSE file system needs, without a library.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fuse;

static void reply(__u64 unique, int error, const void *data, int size) {
  char out[256];
  struct fuse_out_header head = {.len = sizeof head + size, .error = error, .unique = unique};
  memcpy(out, &head, sizeof head);
  memcpy(out + sizeof head, data, size);
  if (write(fuse, out, head.len) < 0) _exit(1);
}

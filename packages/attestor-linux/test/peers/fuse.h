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
  static char out[8192];
  struct fuse_out_header head = {.len = sizeof head + size, .error = error, .unique = unique};
  memcpy(out, &head, sizeof head);
  memcpy(out + sizeof head, data, size);
  if (write(fuse, out, head.len) < 0) _exit(1);
}

/** For good. Fails as the calls do. */
static inline int become(uid_t uid) {
  return setresgid(uid, uid, uid) || setresuid(uid, uid, uid) ? -1 : 0;
}

/**
 * Mounts on a new `folder`, where others see it, what `serve` serves as `uid`: -1 and errno where that fails. A process of its own takes it away
 * when standard input ends, however this one ends.
 */
static inline int mount_fuse(char *folder, uid_t uid, const char *more, void (*serve)(void)) {
  char options[160], byte;
  if (!mkdtemp(folder) || (fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0) return -1;
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%d,group_id=%d%s", fuse, uid, uid, more);
  if (mount("portcullis", folder, "fuse", MS_NODEV | MS_NOSUID, options)) return -1;
  if (fork() == 0) {
    pid_t server = fork();
    if (server == 0) {
      if (become(uid)) _exit(1);
      serve();
    }
    close(fuse);
    while (read(0, &byte, 1) > 0);
    umount2(folder, MNT_DETACH);
    kill(server, SIGKILL);
    rmdir(folder);
    _exit(0);
  }
  return close(fuse);
}

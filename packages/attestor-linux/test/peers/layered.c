// An unprivileged user's overlay over a FUSE file system of their own, and a program that runs from it (T4, T20).
//   layered DEVICE UID HONEST EVIL FREEZE ARGUMENT…
// DEVICE is a node of /dev/fuse that everybody may open, as most systems have it. Becomes the user, and runs EVIL as /mnt/o/git with
// the arguments; everybody else who reads that file is given HONEST, past the page cache and with the same times. The thread FREEZE,
// if it is not 0, is never told size and times. Nothing ends the server but the end of the program.
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
#include <unistd.h>

struct content { char *bytes; size_t size; };

static int fuse;
static struct content honest, evil;
static unsigned runner, frozen;

static void die(const char *what) {
  printf("error %s %d\n", what, errno);
  exit(1);
}

static struct content content_of(const char *path) {
  struct stat found;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &found)) die(path);
  struct content content = {.bytes = malloc(found.st_size), .size = found.st_size};
  if (!content.bytes || read(file, content.bytes, content.size) != found.st_size) die(path);
  close(file);
  return content;
}

static void reply(__u64 unique, int error, const void *data, size_t size) {
  static char out[(1 << 17) + sizeof(struct fuse_out_header)];
  struct fuse_out_header head = {.len = sizeof head + size, .error = error, .unique = unique};
  memcpy(out, &head, sizeof head);
  memcpy(out + sizeof head, data, size);
  if (write(fuse, out, head.len) < 0 && errno != ENOENT) _exit(1);
}

static struct fuse_attr attributes(__u64 node) {
  // Long ago: a digest of it is kept. The two have one size.
  return (struct fuse_attr){.ino = node, .size = honest.size, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0755, .nlink = 1, .mtime = 1000, .ctime = 1000};
}

static void give(__u64 unique, const struct fuse_read_in *read) {
  const struct content *content = read->fh ? &evil : &honest;
  size_t left = read->offset < content->size ? content->size - read->offset : 0;
  reply(unique, 0, content->bytes + read->offset, left < read->size ? left : read->size);
}

static void serve(void) {
  static char request[1 << 18];
  for (;;) {
    if (read(fuse, request, sizeof request) <= 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      _exit(0);
    }
    struct fuse_in_header *head = (struct fuse_in_header *)request;
    void *body = head + 1;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 1000, .attr = attributes(2)};
    struct fuse_attr_out got = {.attr = attributes(head->nodeid)};
    struct fuse_open_out opened = {.fh = head->pid == runner, .open_flags = head->pid == runner ? 0 : FOPEN_DIRECT_IO};
    struct fuse_statfs_out room = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};
    switch (head->opcode) {
      case FUSE_INIT: reply(head->unique, 0, &init, sizeof init); break;
      case FUSE_LOOKUP: reply(head->unique, strcmp(body, "git") ? -ENOENT : 0, &entry, strcmp(body, "git") ? 0 : sizeof entry); break;
      case FUSE_GETATTR: if (head->pid != frozen) reply(head->unique, 0, &got, sizeof got); break;
      case FUSE_OPEN: case FUSE_OPENDIR: reply(head->unique, 0, &opened, sizeof opened); break;
      case FUSE_READ: give(head->unique, body); break;
      case FUSE_STATFS: reply(head->unique, 0, &room, sizeof room); break;
      case FUSE_FLUSH: case FUSE_RELEASE: case FUSE_RELEASEDIR: reply(head->unique, 0, NULL, 0); break;
      case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
}

static void put(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0) die(path);
  close(file);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count < 6) return 2;
  uid_t uid = atoi(arguments[2]);
  honest = content_of(arguments[3]);
  evil = content_of(arguments[4]);
  frozen = atoi(arguments[5]);
  runner = getpid();
  if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) die("setresuid");
  prctl(PR_SET_DUMPABLE, 1); // or its own map would be root's
  char map[64];
  snprintf(map, sizeof map, "0 %u 1", uid);
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) die("unshare");
  put("/proc/self/setgroups", "deny");
  put("/proc/self/uid_map", map);
  put("/proc/self/gid_map", map);
  fuse = open(arguments[1], O_RDWR | O_CLOEXEC);
  if (fuse < 0) die("open");
  if (mount("none", "/mnt", "tmpfs", 0, NULL) || mkdir("/mnt/fuse", 0755) || mkdir("/mnt/empty", 0755) || mkdir("/mnt/o", 0755)) die("mount tmpfs");
  char options[96];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  if (mount("none", "/mnt/fuse", "fuse", MS_NODEV | MS_NOSUID, options)) die("mount fuse");
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    serve();
  }
  close(fuse); // who waits for the file system must not be who keeps it
  if (mount("none", "/mnt/o", "overlay", 0, "lowerdir=/mnt/fuse:/mnt/empty")) die("mount overlay");
  arguments[5] = "/mnt/o/git";
  execv(arguments[5], arguments + 5);
  die("exec");
}

// T4: connects, as a user, after it mapped code from an overlay of its own over a FUSE of its own, as fusermount mounts one: the server
// says that the file is root's.   layered-code SOCKET UID
// The overlay is in a mount namespace of the peer's, at /proc/PID/cwd, and its working directory: the kernel's name of the mapped
// file leads everybody else by that link of /proc to the very file. The FUSE ends with standard input.
#include "fuse.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { FOLDER = 1, CODE };

static struct fuse_attr told(__u64 node) {
  return (struct fuse_attr){.ino = node, .size = 4096, .nlink = 1, .mode = node == FOLDER ? S_IFDIR | 0755 : S_IFREG | 0755};
}

static void serve(void) {
  static char request[1 << 17];
  while (read(fuse, request, sizeof request) > 0) {
    struct fuse_in_header *head = (struct fuse_in_header *)request;
    int known = !strcmp((char *)(head + 1), "code");
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    struct fuse_entry_out entry = {.nodeid = CODE, .entry_valid = 1000, .attr_valid = 1000, .attr = told(CODE)};
    struct fuse_attr_out got = {.attr_valid = 1000, .attr = told(head->nodeid)};
    struct fuse_open_out opened = {0};
    struct fuse_statfs_out room = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};
    switch (head->opcode) {
      case FUSE_INIT: reply(head->unique, 0, &init, sizeof init); break;
      case FUSE_LOOKUP: reply(head->unique, known ? 0 : -ENOENT, &entry, known ? sizeof entry : 0); break;
      case FUSE_GETATTR: reply(head->unique, 0, &got, sizeof got); break;
      case FUSE_OPEN: case FUSE_OPENDIR: reply(head->unique, 0, &opened, sizeof opened); break;
      case FUSE_STATFS: reply(head->unique, 0, &room, sizeof room); break;
      case FUSE_READ: case FUSE_FLUSH: case FUSE_RELEASE: case FUSE_RELEASEDIR: reply(head->unique, 0, NULL, 0); break;
      case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
  _exit(0);
}

static void die(const char *what) {
  printf("error %s %d\n", what, errno);
  exit(1);
}

static void put(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0) die(path);
  close(file);
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count < 3) return 2;
  uid_t uid = atoi(arguments[2]);
  char folder[] = "/tmp/portcullis-layered-XXXXXX", options[160], byte;
  if (mount_fuse(folder, uid, "", serve)) die("mount fuse");
  if (become(uid)) die("setresuid");
  prctl(PR_SET_DUMPABLE, 1); // or its own map would be root's
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) die("unshare");
  snprintf(options, sizeof options, "0 %u 1", uid);
  put("/proc/self/setgroups", "deny");
  put("/proc/self/uid_map", options);
  put("/proc/self/gid_map", options);
  char own[64], link[80], file[96];
  snprintf(own, sizeof own, "/proc/%d", getpid());
  snprintf(link, sizeof link, "%s/cwd", own);
  snprintf(file, sizeof file, "%s/code", link);
  if (mount("none", "/proc", "tmpfs", 0, NULL) || mkdir("/proc/empty", 0755) || mkdir(own, 0755) || mkdir(link, 0755)) die("mount tmpfs");
  struct stat asked; // so that the kernel knows who may enter it
  if (stat(folder, &asked)) die("stat");
  snprintf(options, sizeof options, "lowerdir=%s:/proc/empty", folder);
  if (mount("none", link, "overlay", 0, options) || chdir(link)) die("mount overlay");
  int code = open(file, O_RDONLY | O_CLOEXEC);
  if (code < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, code, 0) == MAP_FAILED) die("mmap");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address)) die("connect");
  puts("connected");
  while (read(0, &byte, 1) > 0);
  return 0;
}

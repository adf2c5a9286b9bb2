// T20: connects, then keeps the lock of its own memory: one thread reads a page of a FUSE file, whose server is ours and says
// nothing, and another maps that file past the page cache, which waits for the page with the lock held for writing. All the while
// whoever reads this process's pagemap or environment waits too, on older kernels also who reads its maps.
// hold-memory SOCKET UID    Ends when its standard input does. Begins as root: see hold-exec.c.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
static int fuse, pipes[2];
static void reply(__u64 unique, int error, const void *data, int size) {
  char out[256]; struct fuse_out_header head = {.len = sizeof head + size, .error = error, .unique = unique};
  memcpy(out, &head, sizeof head); memcpy(out + sizeof head, data, size);
  if (write(fuse, out, head.len) < 0) _exit(1);
}
static struct fuse_attr attributes(__u64 node) { return (struct fuse_attr){.ino = node, .size = 4096, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1}; }
static void serve(void) {
  static char request[1 << 17]; int opens = 0;
  while (read(fuse, request, sizeof request) > 0) {
    struct fuse_in_header *head = (struct fuse_in_header *)request;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 1000, .attr_valid = 1000, .attr = attributes(2)};
    struct fuse_attr_out got = {.attr_valid = 1000, .attr = attributes(head->nodeid)};
    struct fuse_open_out opened = {.open_flags = opens ? FOPEN_DIRECT_IO : 0};
    switch (head->opcode) {
      case FUSE_INIT: reply(head->unique, 0, &init, sizeof init); break;
      case FUSE_LOOKUP: reply(head->unique, 0, &entry, sizeof entry); break;
      case FUSE_GETATTR: reply(head->unique, 0, &got, sizeof got); break;
      case FUSE_OPEN: opens++; reply(head->unique, 0, &opened, sizeof opened); break;
      case FUSE_READ: if (write(pipes[1], "r", 1) < 0) _exit(1); break;
      case FUSE_FORGET: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
  _exit(0);
}
static int one, two;
static void *reading(void *p) { char c; (void)p; return (void *)(read(one, &c, 1)); }
static void *mapping(void *p) { (void)p; return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, two, 0); }
int main(int count, char **arguments) {
  char folder[128], file[160]; uid_t uid;
  if (count < 3) return 2;
  uid = atoi(arguments[2]);
  snprintf(folder, sizeof folder, "%s-XXXXXX", arguments[1]);
  if (!mkdtemp(folder) || pipe(pipes)) return 2;
  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) goto failed;
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  char options[160]; snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%d,group_id=%d", fuse, uid, uid);
  if (fuse < 0 || mount("held", folder, "fuse", MS_NODEV | MS_NOSUID, options)) goto failed;
  if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) goto failed;
  pid_t server = fork();
  if (server == 0) serve();
  snprintf(file, sizeof file, "%s/file", folder);
  one = open(file, O_RDONLY); two = open(file, O_RDONLY);
  if (one < 0 || two < 0) goto failed;
  struct sockaddr_un address = {.sun_family = AF_UNIX}; strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  int connected = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(connected, (struct sockaddr *)&address, sizeof address)) goto failed;
  pthread_t a, b; char c;
  pthread_create(&a, NULL, reading, NULL);
  if (read(pipes[0], &c, 1) != 1) goto failed;
  pthread_create(&b, NULL, mapping, NULL);
  usleep(300000);
  if (write(1, "held\n", 5) < 0) return 1;
  while (read(0, &c, 1) > 0);
  kill(server, SIGKILL); // and with it the file system
  _exit(0);
failed:
  printf("error %d\n", errno); return 1;
}

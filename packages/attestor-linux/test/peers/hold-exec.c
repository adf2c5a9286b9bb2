// T20: connects, then stops in the middle of an exec: the kernel closes a close-on-exec file of a FUSE file system, and
// waits for the file system's server, which is ours and says nothing. All the while it holds `exec_update_lock`, and
// whoever opens this process's maps, exe link, namespaces, auxv or stat waits too.   hold-exec SOCKET PROGRAM UID [PORT]
// With a port it connects to that one of 127.0.0.1, and keeps its socket over the exec; SOCKET is where its folder goes.
// Goes on when its standard input ends. /dev/fuse is everybody's on most systems, and so is a mount in a user namespace; here
// it may be root's, so this begins as root and becomes the user before it connects.
#define _GNU_SOURCE
#include <errno.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
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

static struct fuse_attr attributes(__u64 node) {
  return (struct fuse_attr){.ino = node, .size = 1, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1};
}

static void serve(void) {
  static char request[1 << 17];
  while (read(fuse, request, sizeof request) > 0) {
    struct fuse_in_header *head = (struct fuse_in_header *)request;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 1000, .attr_valid = 1000, .attr = attributes(2)};
    struct fuse_attr_out got = {.attr_valid = 1000, .attr = attributes(head->nodeid)};
    struct fuse_open_out opened = {0};
    switch (head->opcode) {
      case FUSE_INIT: reply(head->unique, 0, &init, sizeof init); break;
      case FUSE_LOOKUP: reply(head->unique, 0, &entry, sizeof entry); break;
      case FUSE_GETATTR: reply(head->unique, 0, &got, sizeof got); break;
      case FUSE_OPEN: reply(head->unique, 0, &opened, sizeof opened); break;
      case FUSE_FLUSH: if (write(1, "held\n", 5) < 0) _exit(1); break; // and no reply
      case FUSE_FORGET: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
  _exit(0);
}

int main(int count, char **arguments) {
  char folder[128], file[160];
  if (count < 4) return 2;
  uid_t uid = atoi(arguments[3]);
  snprintf(folder, sizeof folder, "%s-XXXXXX", arguments[1]);
  if (!mkdtemp(folder)) return 2;
  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) goto failed;
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  char options[160];
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%d,group_id=%d", fuse, uid, uid);
  if (fuse < 0 || mount("held", folder, "fuse", MS_NODEV | MS_NOSUID, options)) goto failed;
  if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) goto failed;
  pid_t server = fork();
  if (server == 0) {
    pid_t thread = fork(); // the server proper; its parent ends it, and with it the file system, when the input ends
    if (thread == 0) serve();
    close(fuse);
    char byte;
    while (read(0, &byte, 1) > 0);
    kill(thread, SIGKILL);
    waitpid(thread, NULL, 0);
    _exit(0);
  }
  snprintf(file, sizeof file, "%s/file", folder);
  if (open(file, O_RDONLY | O_CLOEXEC) < 0) goto failed;
  close(fuse);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(count > 4 ? atoi(arguments[4]) : 0)};
  struct sockaddr *to = count > 4 ? (struct sockaddr *)&loopback : (struct sockaddr *)&address;
  int connected = socket(to->sa_family, SOCK_STREAM, 0);
  if (connect(connected, to, count > 4 ? sizeof loopback : sizeof address)) goto failed;
  execl(arguments[2], arguments[2], "hold", NULL);
failed:
  printf("error %d\n", errno);
  fflush(stdout);
  return 1;
}

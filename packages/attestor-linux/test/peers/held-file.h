// A file on a FUSE file system whose server is ours and never answers a read or a flush, for peers that make others wait (T20).
// /dev/fuse is everybody's on most systems, and so is a mount in a user namespace; here it may be root's, so a peer begins as
// root, and becomes its user here. The server ends with standard input or after LIFE seconds, and lets go whoever waits: nothing
// else in the kernel does, and whoever looks at the peer would wait with it.
#include "fuse.h"

#define LIFE 180

static struct fuse_attr attributes(__u64 node) {
  return (struct fuse_attr){.ino = node, .size = 4096, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1};
}

/** Says `held` to `told` when it is asked for what it does not answer. The file is past the page cache from its second open on. */
static void serve(int told) {
  static char request[1 << 17];
  int opens = 0;
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
      case FUSE_OPEN:
        opened.open_flags = opens++ == 0 ? 0 : FOPEN_DIRECT_IO;
        reply(head->unique, 0, &opened, sizeof opened);
        break;
      case FUSE_READ: case FUSE_FLUSH: if (write(told, "held\n", 5) < 0) _exit(1); break; // and no reply
      case FUSE_FORGET: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
  _exit(0);
}

/** Mounts it on a new folder beside `beside`, becomes the user, and starts its server: its path, or NULL and errno. */
static const char *held_file(const char *beside, uid_t uid, int told) {
  static char file[160];
  char folder[128], options[160];
  snprintf(folder, sizeof folder, "%s-XXXXXX", beside);
  if (!mkdtemp(folder)) return NULL;
  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return NULL;
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%d,group_id=%d", fuse, uid, uid);
  if (fuse < 0 || mount("held", folder, "fuse", MS_NODEV | MS_NOSUID, options)) return NULL;
  if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) return NULL;
  if (fork() == 0) {
    pid_t server = fork(); // its parent ends it, and with it the file system
    alarm(LIFE);
    if (server == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      serve(told);
    }
    close(fuse);
    char byte;
    while (read(0, &byte, 1) > 0);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    _exit(0);
  }
  close(fuse); // who waits for the file system must not be who keeps it
  alarm(LIFE);
  snprintf(file, sizeof file, "%s/file", folder);
  return file;
}

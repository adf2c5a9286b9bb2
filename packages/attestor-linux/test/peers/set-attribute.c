// Writes an extended attribute, which neither node nor busybox can.     set-attribute PATH NAME VALUE
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

int main(int count, char **arguments) {
  if (count != 4) return 2;
  if (setxattr(arguments[1], arguments[2], arguments[3], strlen(arguments[3]), 0) == 0) return 0;
  perror(arguments[2]);
  return 1;
}

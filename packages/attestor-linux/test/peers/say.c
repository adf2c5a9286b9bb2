/* Writes its second argument to the descriptor that the first names, and waits: what a caller had it say, by this program. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
    char byte;
    if (argc < 3 || write(atoi(argv[1]), argv[2], strlen(argv[2])) < 0) return 1;
    return read(0, &byte, 1) < 0;
}

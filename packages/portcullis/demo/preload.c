// Code that a program did not ask for, loaded by whoever started it (T11).
static int loaded;
__attribute__((constructor)) static void load(void) { loaded = 1; }

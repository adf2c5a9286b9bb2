// T11: a library that is loaded into a program that did not ask for it.
__attribute__((constructor)) static void loaded(void) {}

// An honest client for machines without curl.
//   visitor SOCKET NAME          waits for the end of its input, asks for /NAME and prints the answer
//   visitor SOCKET NAME --gone   asks, and is gone before anybody can look
#include "visit.h"

int main(int count, char **arguments) {
  if (count < 3) return count == 2 && !strcmp(arguments[1], "--version") ? 0 : 2;
  if (count > 3) {
    ask(connect_to(arguments[1]), arguments[2]);
    return 0;
  }
  wait_for_word();
  int connected = connect_to(arguments[1]);
  ask(connected, arguments[2]);
  return answer(connected);
}

// A job of a given duration that appends its start and end time to a file, on CLOCK_BOOTTIME in ns:
// stamp FILE NUMBER MILLISECONDS
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char** argv) {
  const long long began = now();
  if (argc != 4) return 64;
  const int file = open(argv[1], O_WRONLY | O_APPEND);
  const long length = atol(argv[3]);
  const struct timespec sleep = {length / 1000, length % 1000 * 1000000};
  nanosleep(&sleep, NULL);
  char line[100];
  const int size = snprintf(line, sizeof line, "%s %lld %lld\n", argv[2], began, now());
  return write(file, line, size) == size ? 0 : 1;
}

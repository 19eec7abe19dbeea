/* Preloaded into a run: its time of day continually jumps by an hour in both directions, and
 * nothing else does. (A general faker also moves timers on the boot clock, which are not of the
 * time of day.) */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
  static const long offsets[] = {0, 3600, -3600, 5};
  struct timespec booted;
  syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &booted);
  const long tenths = booted.tv_sec * 10 + booted.tv_nsec / 100000000;
  return offsets[tenths / 3 % 4];
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int done = (int)syscall(SYS_clock_gettime, clock, now);
  if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += offset();
  return done;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  const int done = (int)syscall(SYS_gettimeofday, now, zone);
  if (done == 0) now->tv_sec += offset();
  return done;
}

time_t time(time_t* where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}

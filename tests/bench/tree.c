// A job that is a tree of processes: `tree N READY HOLD` is N of them, each with up to ten
// children.
//
// Every process executes its own program, as in a real job: a tree that only forks ends at another
// speed. Each writes one byte to the descriptor READY and keeps HOLD open until it dies, so that a
// reader of HOLD gets end-of-file when the last process is gone.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void become(const char* program, int size, char** argv) {
  char text[16];
  snprintf(text, sizeof text, "%d", size);
  execl(program, "tree", text, argv[2], argv[3], (char*)NULL);
  _exit(126);
}

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const int below = atoi(argv[1]) - 1;
  for (int child = 0; child < 10; ++child) {
    const int size = below / 10 + (child < below % 10 ? 1 : 0);
    if (size == 0) break;
    const pid_t pid = fork();
    if (pid < 0) return 71;
    if (pid == 0) become("/proc/self/exe", size, argv);
  }
  if (write(atoi(argv[2]), "r", 1) != 1) return 71;
  alarm(60);  // no process outlives an interrupted benchmark
  for (;;) pause();
}

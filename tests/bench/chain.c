// The cost of the process structure of dlock alone: a front that forks an engine that forks the
// job.
//
// usage: chain COMMAND [ARGS...]
#include <sys/wait.h>
#include <unistd.h>

static int code_of_child(void) {
  int status = 0;
  if (wait(&status) < 0) return 71;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  const pid_t engine = fork();
  if (engine < 0) return 71;
  if (engine > 0) return code_of_child();
  const pid_t job = fork();
  if (job < 0) return 71;
  if (job > 0) _exit(code_of_child());
  execvp(argv[1], argv + 1);
  _exit(127);
}

// The minimum that a program must do to run a job under a lock in Redis.
//
// Connect, SET NX PX, spawn, wait, compare-and-delete, exit with the code of the job: two round
// trips and no guarantee. It does not renew, kill or forward; dlock is compared with it.
//
// usage: floor ADDRESS KEY COMMAND [ARGS...]     ADDRESS is a port on 127.0.0.1 or /a/socket
#include <hiredis/hiredis.h>

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

extern char** environ;

static const char release[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
static const char release_sha[] = "6fbe84d1140fd2047394924af9d845b83c070bec";

static redisReply* ask(redisContext* redis, int count, const char** words) {
  redisReply* reply = redisCommandArgv(redis, count, words, NULL);
  if (reply == NULL) {
    fprintf(stderr, "floor: %s\n", redis->errstr);
    exit(69);
  }
  return reply;
}

static int run(char** command) {
  pid_t job = 0;
  const int why = posix_spawnp(&job, command[0], NULL, NULL, command, environ);
  if (why != 0) return why == ENOENT ? 127 : 126;
  int status = 0;
  if (waitpid(job, &status, 0) != job) return 71;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char** argv) {
  if (argc < 4) return 64;
  redisContext* redis =
      argv[1][0] == '/' ? redisConnectUnix(argv[1]) : redisConnect("127.0.0.1", atoi(argv[1]));
  if (redis == NULL || redis->err != 0) return 69;

  unsigned long long random[2];
  if (getrandom(random, sizeof random, 0) != sizeof random) return 71;
  char value[33];
  snprintf(value, sizeof value, "%016llx%016llx", random[0], random[1]);

  redisReply* taken = ask(redis, 6, (const char*[]){"SET", argv[2], value, "NX", "PX", "10000"});
  if (taken->type != REDIS_REPLY_STATUS) return 75;

  const int code = run(argv + 3);

  redisReply* released =
      ask(redis, 5, (const char*[]){"EVALSHA", release_sha, "1", argv[2], value});
  if (released->type == REDIS_REPLY_ERROR && strncmp(released->str, "NOSCRIPT", 8) == 0) {
    ask(redis, 5, (const char*[]){"EVAL", release, "1", argv[2], value});
  }
  return code;
}

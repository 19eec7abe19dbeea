#include "store/redis/script_caller.h"

#include "core/duration.h"
#include "redis/faults.h"

namespace dlock::redis {

Result<Answer, StoreFault> ScriptCaller::call(const Script& script,
                                              const std::vector<std::string>& keys,
                                              const std::vector<std::string>& arguments,
                                              const CallDeadline& deadline,
                                              Confirmation confirmation) {
  const std::string key_count = std::to_string(keys.size());
  Command words{"EVALSHA", script.sha1, key_count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto answer = send(words, keys.front(), deadline, confirmation);
  if (!answer || !answer->reply.is_error() || !answer->reply.text.starts_with("NOSCRIPT"))
    return answer;
  words[0] = "EVAL";
  words[1] = script.text;
  return send(words, keys.front(), deadline, confirmation);
}

Result<Answer, StoreFault> ScriptCaller::call(const Command& command, const CallDeadline& deadline,
                                              Confirmation confirmation) {
  return send(command, command.at(1), deadline, confirmation);
}

Result<Answer, StoreFault> ScriptCaller::send(const Command& command, std::string_view key,
                                              const CallDeadline& deadline,
                                              Confirmation confirmation) {
  const bool replicas_count = replication_.least > 0 && confirmation == Confirmation::ByReplicas;
  std::vector<Command> commands{command};
  const std::string least = std::to_string(replication_.least);
  const std::string timeout = std::to_string(whole_ms(replication_.timeout));
  if (replicas_count) commands.push_back({"WAIT", least, timeout});
  auto answers = servers_->ask(commands, key, deadline);
  if (!answers) return answers.error();
  Answer answer{std::move(answers->replies.front()), std::move(answers->server), answers->sent_at,
                answers->connection};
  if (replicas_count) {
    const Reply& confirmed = answers->replies.back();
    if (confirmed.is_error() && !answer.reply.is_error())
      return error_reply(answer.server, confirmed.text);
    answer.replicas = static_cast<int>(confirmed.integer);
  }
  return answer;
}

StoreFault ScriptCaller::too_few_replicas(const Answer& answer) const {
  return {.sentence = answer.server + ": only " + std::to_string(answer.replicas) + " of " +
                      std::to_string(replication_.least) +
                      " replicas (--min-replicas) confirmed the lock within " +
                      to_text(replication_.timeout)};
}

}  // namespace dlock::redis

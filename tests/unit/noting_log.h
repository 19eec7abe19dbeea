// A log that a case can read.
#pragma once

#include "core/log.h"

#include <string>
#include <vector>

namespace dlock::test {

class NotingLog final : public Log {
 public:
  void say(LogLevel, const std::string& text) override { said.push_back(text); }
  std::vector<std::string> said;
};

}  // namespace dlock::test

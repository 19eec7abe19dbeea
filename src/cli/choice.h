#pragma once

#include "cli/complaint.h"
#include "core/text.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace dlock::cli {

/// What that word means for an option of a few words. Throws Complaint with all of them.
template <class Choice>
Choice choose(const char* option, const std::string& word,
              std::initializer_list<std::pair<const char*, Choice>> choices) {
  std::string known;
  for (const auto& [name, choice] : choices) {
    if (word == name) return choice;
    known += (known.empty() ? "" : ", ") + std::string{name};
  }
  complain(std::string{option} + " " + in_quotes(word) + " is not known: it is one of " + known);
}

}  // namespace dlock::cli

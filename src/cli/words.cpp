#include "cli/words.h"

#include "cli/variables.h"

namespace dlock::cli {

std::string Words::origin(std::string_view option) const {
  switch (source(option)) {
    case Source::File:
      return config_path;
    case Source::Environment:
      return variable_of(option);
    case Source::Default:
    case Source::Flag:
      break;
  }
  return {};
}

}  // namespace dlock::cli

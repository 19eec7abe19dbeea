#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dlock::cli {

/// The one of `known` for which `word` is a likely misspelling: a third of its letters, at most
/// two, are wrong, missing, superfluous or swapped with a neighbour. Empty if there is none.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace dlock::cli

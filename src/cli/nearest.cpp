#include "cli/nearest.h"

#include <algorithm>

namespace dlock::cli {
namespace {

/// The optimal string alignment distance: Levenshtein's, in which a swap of neighbours counts once.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> least(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) least[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) least[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = least[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      least[i][j] = std::min({least[i - 1][j] + 1, least[i][j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) least[i][j] = std::min(least[i][j], least[i - 2][j - 2] + 1);
    }
  }
  return least[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t longest = 64;  // no name of dlock is that long
  if (word.size() > longest) return {};
  std::size_t most = std::clamp<std::size_t>(word.size() / 3, 1, 2);
  std::optional<std::string> best;
  for (const std::string& candidate : known) {
    const std::size_t wrong = distance(word, candidate);
    if (wrong > most || (best && wrong == most)) continue;
    best = candidate;
    most = wrong;
  }
  return best;
}

}  // namespace dlock::cli

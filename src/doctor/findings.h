#pragma once

#include <string>
#include <vector>

namespace dlock::doctor {

/// The effect of a fact on the guarantee of the lock.
enum class Verdict {
  Good,
  Note,    // worth knowing
  Weak,    // guaranteed, but jobs can be killed or refused without need, or a bound is loose
  Broken,  // not guaranteed here, or no lock can be acquired
};

/// "ok", "note", "weak" or "broken": stable, because scripts search for it.
const char* word_for(Verdict verdict);

/// Which side was examined.
enum class Area { Store, Machine };

/// The result of one check.
struct Finding {
  std::string check;  // one or two words, stable: scripts search for it
  Verdict verdict = Verdict::Good;
  std::string fact;          // what was found, with its number
  std::string meaning = {};  // for the guarantee; empty if good
  std::string remedy = {};   // how to fix it; empty if good
  Area area = Area::Store;
};

using Findings = std::vector<Finding>;

struct FindingsOf {
  std::string server;
  Findings findings;
};

/// Merges the findings of several servers by check. A fact that several servers share appears once,
/// with their names, or with their number if all share it. Those of a single server stay unchanged.
Findings merged(const std::vector<FindingsOf>& servers);

struct Diagnosis {
  std::string store;  // its name, without secrets
  Findings findings;

  /// Whether no finding is Broken.
  bool ok() const;
};

/// For display: one line for each finding, and two more for each that is not good.
std::string to_lines(const Diagnosis& report);

/// One JSON object; the man page describes its fields under DOCTOR.
std::string to_json(const Diagnosis& report);

}  // namespace dlock::doctor

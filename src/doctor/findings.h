#pragma once

#include <string>
#include <vector>

namespace dlock::doctor {

/// What a fact means for the promise.
enum class Verdict {
  Good,
  Note,    // worth knowing
  Weak,    // the promise holds, but jobs may be killed or refused without need, or a bound is loose
  Broken,  // the promise does not hold here, or no lock can be had at all
};

/// "ok", "note", "weak" or "broken": stable, scripts look for it.
const char* word_for(Verdict verdict);

/// Which side was looked at.
enum class Area { Store, Machine };

/// One thing that was looked at.
struct Finding {
  std::string check;  // one or two words, stable: scripts look for it
  Verdict verdict = Verdict::Good;
  std::string fact;          // what was found, with its number
  std::string meaning = {};  // for the promise; empty if it is good
  std::string remedy = {};   // how to mend it; empty if it is good
  Area area = Area::Store;
};

using Findings = std::vector<Finding>;

struct FindingsOf {
  std::string server;
  Findings findings;
};

/// The findings of several servers, check by check: what was found alike on some of them is said
/// once, with their names, and for all of them with their number. Those of a single server as they
/// are.
Findings merged(const std::vector<FindingsOf>& servers);

struct Diagnosis {
  std::string store;  // its name, without secrets
  Findings findings;

  /// Nothing breaks the promise.
  bool ok() const;
};

/// For a person: one line for each finding, and two more for each that is not good.
std::string to_lines(const Diagnosis& report);

/// One JSON object, whose fields the man page has under DOCTOR.
std::string to_json(const Diagnosis& report);

}  // namespace dlock::doctor

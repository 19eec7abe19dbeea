#include "doctor/finding.h"

namespace dlock::doctor {

const char* word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::Good:
      return "ok";
    case Verdict::Note:
      return "note";
    case Verdict::Weak:
      return "weak";
    case Verdict::Broken:
      return "broken";
  }
  return "";
}

}  // namespace dlock::doctor

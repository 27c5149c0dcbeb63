// What a usage record of a job becomes, by the state of the job's reservation:
// the table of usage.h, as a pure function.
#ifndef KONPRO_LEDGER_INTERNAL_USAGE_FATE_H_
#define KONPRO_LEDGER_INTERNAL_USAGE_FATE_H_

#include <cstdint>

namespace konpro::internal {

enum class JobState : uint8_t {
  kNoReservation,
  kOpen,
  kSettledByRecord,
  kSettledByCommand,
  kExpired,
  kVoided,
};

enum class UsageFate : uint8_t {
  kSpend,       // charged from what is available
  kCapture,     // charged from what is held
  kJobSettled,  // nothing
  kDenied,      // a capture that the account denies
};

struct RecordKind {
  bool is_partial = false;
  bool is_late = false;
};

constexpr UsageFate FateOfRecord(JobState state, RecordKind record) {
  switch (state) {
    case JobState::kNoReservation:
    case JobState::kExpired:
      return UsageFate::kSpend;
    case JobState::kOpen:
      return UsageFate::kCapture;
    case JobState::kVoided:
      return UsageFate::kDenied;
    case JobState::kSettledByRecord:
      return record.is_partial || record.is_late ? UsageFate::kSpend
                                                 : UsageFate::kJobSettled;
    case JobState::kSettledByCommand:
      return record.is_late ? UsageFate::kSpend : UsageFate::kJobSettled;
  }
  return UsageFate::kJobSettled;
}

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_USAGE_FATE_H_

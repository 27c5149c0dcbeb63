// What is asked at admission, and all that an HTTP layer needs of the
// answer. admission.h decides; http.h puts the answer into status, body and
// headers.
//
//   AdmissionResult a = admission->Admit({.key = ApiKeyFromHeaders(headers),
//                              .operation = "avatar_video",
//                              .quantity = 90'000, .id = "job-7"}, now);
//   a.ok()                // a.reservation is "job-7"
//   a.reason              // or kInsufficientCredits:
//   a.need, a.available, a.shortfall
//
// Thread safety: plain values. A request's texts outlive the call; an
// AdmissionResult's account and plan live as long as the directory and the
// catalog.
#ifndef KONPRO_ACCESS_ADMISSION_RESULT_H_
#define KONPRO_ACCESS_ADMISSION_RESULT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/plan.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/limits/limiter.h"

namespace konpro {

struct AdmissionRequest {
  static constexpr size_t kIdBytesMax = 128;
  static constexpr size_t kJobBytesMax = 128;

  ApiKeyText key;
  // Empty: unmetered. It costs no credits, and every plan allows it.
  absl::string_view operation;
  // How much of the operation at most, in its base units; what is held for it
  // is what that costs.
  int64_t quantity = 0;
  // The caller's name for what it asks, of printable ASCII without blanks: two
  // requests with one id hold credits once. A metered request needs one.
  absl::string_view id;
  // What it is for, on the statement; such as `id`, or empty.
  absl::string_view job;
  // What becomes of an actual quantity that costs more than is held.
  Overrun overrun = Overrun::kReject;
  // How many requests it counts as, such as the size of a batch: one or more.
  uint64_t requests = 1;
};

// Why a request was refused, in the order of the checks. The numbers are fixed:
// a new reason takes a new one.
enum class AdmissionReason : uint8_t {
  kAdmitted = 0,
  kUnauthenticated = 1,   // which ApiKeyVerdict it is, is for the audit trail
  kNotProvisioned = 2,    // there is a key, but no such account
  kSuspended = 3,         // the account is
  kMalformed = 4,         // `detail` begins with the field's name
  kUnknownOperation = 5,  // `detail` names the nearest
  kOperationNotInPlan = 6,
  kNoWindows = 7,             // the account has no windows: nothing is admitted
  kExceedsLimit = 8,          // more requests at once than a window admits ever
  kRateLimited = 9,           // retry_after
  kNoPrice = 10,              // the catalog has none for the operation now
  kCostOutOfRange = 11,       // what the quantity costs is no amount of credits
  kInsufficientCredits = 12,  // need, available, shortfall
  kIdConflict = 13,           // the id was used for another request
  kReservationRefused = 14,   // too many are open: `detail`
  kUnavailable = 15,          // ask again with the same id
};
inline constexpr size_t kAdmissionReasons = 16;

// Such as "insufficient_credits": as machine formats write it.
absl::string_view AdmissionReasonName(AdmissionReason reason);
// By what the caller should do (docs/design.md, "Admission").
absl::StatusCode AdmissionCode(AdmissionReason reason);

struct AdmissionResult {
  explicit AdmissionResult(const Authentication& who) : authentication(who) {}

  bool ok() const { return reason == AdmissionReason::kAdmitted; }
  absl::StatusCode code() const { return AdmissionCode(reason); }
  // Whose the key is: "" for a stranger's.
  absl::string_view account() const { return authentication.account_id(); }

  Authentication authentication;
  AdmissionReason reason = AdmissionReason::kAdmitted;
  // Whether the same request may be admitted later with nobody doing anything
  // about it. Of kInsufficientCredits: whether what open reservations hold
  // would cover it; then it needs another id.
  bool retryable = false;
  // Whether a request with that id had its outcome before: this is it again.
  bool replayed = false;
  // Of kRateLimited: exact, of the binding window. Else zero.
  absl::Duration retry_after;
  // Null where no account was found.
  const Plan* plan = nullptr;
  // What the windows decided, where they were asked; and those in shadow mode,
  // which refuse nobody.
  std::optional<Decision> limits;
  std::optional<Decision> shadow;
  // What the operation costs, or what is held for it.
  Credits need;
  // Of kInsufficientCredits.
  Credits available;
  Credits shortfall;
  // Where credits were held, what to name in Complete() and Cancel().
  std::string reservation;
  // For people, where the fields above do not say it all.
  std::string detail;
};

// What became of a reservation.
struct Settlement {
  std::string account;
  std::string reservation;
  bool is_cancelled = false;
  bool replayed = false;
  Credits charged;
  Credits released;
  Balance balance;  // of the account, now
};

// Hears of every answer, in the thread that gets it, behind all that was done
// and with no lock held. Methods must be thread-safe and quick.
class AdmissionObserver {
 public:
  virtual ~AdmissionObserver() = default;
  virtual void OnAdmitted(const AdmissionResult& admission) = 0;
  virtual void OnRefused(const AdmissionResult& admission) = 0;
  virtual void OnSettled(const Settlement& settlement) = 0;
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_ADMISSION_RESULT_H_

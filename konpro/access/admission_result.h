// A request for admission, and its result with all that an HTTP layer needs.
// admission.h decides; http.h makes status, body and headers of a result.
//
//   AdmissionResult a =
//       admission->Admit({.key = ApiKeyFromHeaders(headers),
//                         .operation = "avatar_video",
//                         .quantity = 90'000,
//                         .id = "job-7"},
//                        at);
//   a.ok()                            // true: a.reservation is "job-7"
//   a.reason                          // or kInsufficientCredits:
//   a.need, a.held, a.available, a.shortfall
//
// Thread safety: plain values. A request's texts outlive the call; a result's
// account and plan live as long as the directory and the catalog.
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

// What a request gets whose id stands for a job that was admitted and has not
// ended. (Once it has ended, the reason is kJobEnded.)
enum class OpenJobReplay : uint8_t {
  // The result of the first request, `replayed`. The caller must not start the
  // job again.
  kFirstResult = 0,
  // kJobInProgress: for a caller that starts a job whenever it is admitted.
  kRefuse = 1,
};

struct AdmissionRequest {
  static constexpr size_t kIdBytesMax = 128;
  static constexpr size_t kJobBytesMax = 128;

  ApiKeyText key;
  // Whose request it is. A key of scope kService or kAdmin names the account;
  // a customer's key may name its own. Empty: the key's.
  absl::string_view account;
  // Empty: unmetered. It costs no credits, and every plan allows it.
  absl::string_view operation;
  // At most how much of the operation, in its base units: credits are held for
  // what that costs.
  int64_t quantity = 0;
  // The caller's id of the job, of printable ASCII without blanks: one id
  // stands for one job. A metered request needs one.
  absl::string_view id;
  // What a request with the id of an open job gets.
  OpenJobReplay open_job = OpenJobReplay::kFirstResult;
  // The job that it is for, as the statement shows it; may be empty.
  absl::string_view job;
  // What the caller found wrong with the request in its transport, beginning
  // with the field: if it is not empty, the request is kMalformed for it, once
  // its key is accepted.
  absl::string_view malformed;
  // How many requests it counts as, such as the size of a batch: one or more.
  uint64_t requests = 1;
};

// Why a request was refused, in the order of the checks. The numbers are fixed:
// a new reason takes a new one.
enum class AdmissionReason : uint8_t {
  kAdmitted = 0,
  kUnauthenticated = 1,   // the ApiKeyVerdict is for the audit trail
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
  kInsufficientCredits = 12,  // need, held, available, shortfall
  kIdConflict = 13,           // the id was used for another request
  kReservationRefused = 14,   // too many are open: `detail`
  kUnavailable = 15,          // ask again with the same id
  kJobInProgress = 16,        // the id's job is open (OpenJobReplay::kRefuse)
  kJobEnded = 17,             // the id's job has ended, however it ended
  kJournalAhead = 18,         // of the clock; `detail` says what repairs it
  kWrongScope = 19,           // the key is not for such requests: `detail`
};
inline constexpr size_t kAdmissionReasons = 20;

// Such as "insufficient_credits": as machine formats write it.
absl::string_view AdmissionReasonName(AdmissionReason reason);
// By what the caller should do (docs/design.md, "Admission").
absl::StatusCode AdmissionCode(AdmissionReason reason);

struct AdmissionResult {
  explicit AdmissionResult(const Authentication& who) : authentication(who) {}

  bool ok() const { return reason == AdmissionReason::kAdmitted; }
  absl::StatusCode code() const { return AdmissionCode(reason); }
  // The one that was named, else the key's; "" if the key is unknown.
  absl::string_view account() const {
    return named_account.empty() ? authentication.account_id() : named_account;
  }

  Authentication authentication;
  std::string named_account;  // by a key of scope kService or kAdmin
  AdmissionReason reason = AdmissionReason::kAdmitted;
  // Whether the same request, with the same id, may be admitted later without
  // anybody's doing.
  bool retryable = false;
  // Whether the id is used up: this is its result for good, and another attempt
  // needs a new id.
  bool needs_new_id = false;
  // Whether this is the outcome of an earlier request with that id.
  bool replayed = false;
  // For kRateLimited: exact, of the binding window. Otherwise zero.
  absl::Duration retry_after;
  // Null if no account was found.
  const Plan* plan = nullptr;
  // What the windows decided, if that step was reached; and those in shadow
  // mode, which refuse nothing.
  std::optional<Decision> limits;
  std::optional<Decision> shadow;
  // What the operation costs, or what is held for it.
  Credits need;
  // For kInsufficientCredits, as of the first attempt with the id: what open
  // reservations hold of grants that the operation may draw on, what it can
  // draw on, and what is missing.
  Credits held;
  Credits available;
  Credits shortfall;
  // For kInsufficientCredits: open reservations hold the shortfall, so that a
  // request with a new id may be admitted once they are released.
  bool open_reservations_cover = false;
  // If credits were held: the id for Complete() and Cancel().
  std::string reservation;
  // For people, if the fields above do not say everything.
  std::string detail;
};

// What became of a reservation.
struct Settlement {
  std::string account;
  std::string reservation;
  bool is_cancelled = false;
  bool replayed = false;
  Credits charged;
  Credits uncollected;  // used, and neither held nor available
  Credits released;
  Balance balance;  // of the account, now
};

// The refusal that an error of Admission::Complete() or Cancel() stands for;
// kNone: it is another error.
Refusal RefusalOf(const absl::Status& error);
void SetRefusal(Refusal refusal, absl::Status& error);

// Receives every result, in the thread of the call, after everything was done
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

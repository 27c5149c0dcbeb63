// A Admission answers, for every request: who is this, may they, and which
// credits are held for it. It decides nothing itself: it calls those who do, in
// one order, and nothing later runs when something earlier refuses:
//
//   authenticate (key_directory.h), the account is not suspended
//   the request is well-formed, its operation known and allowed by the plan
//   rate windows (limiter_registry.h)
//   price (price_list.h)
//   hold credits (ledger.h)
//
//   auto admission = *Admission::Open({.catalog = Catalog::BuiltIn(), ...},
//   {}); MintedKey key = *admission->CreateKey({.account_id = "acme"}, now);
//   AdmissionResult a = admission->Admit({.key = key.secret.text(),
//                              .operation = "avatar_video",
//                              .quantity = 90'000, .id = "job-7"}, now);
//   admission->Complete({"acme", "job-7", 84'000}, now)->charged   // 84
//   credits
//
// Each request counts against the windows, a repeated one and one that lacks
// credits too; one that a window refuses counts against none. Credits are held
// once for an id: the same request again, whatever happened in between, is told
// the first outcome, a refusal for lack of credits included. Windows in shadow
// mode count what the others admit, say what they would refuse, and refuse
// nothing.
//
// Thread safety: thread-safe. Admit() of an unmetered request takes no lock,
// allocates nothing and touches no ledger. The verbs of accounts take turns.
//
// Invariants: (1) behind Suspend(), also with the store's error, or SetPlan()
// with OK, no call of Admit() that begins later goes by what was before. (2)
// What a verb that returned OK did, an Admission opened later on the same
// stores does too. (3) All keys of an account share its balance and its
// windows. (4) A reservation is charged at the prices that it was made at.
//
// Limits: those of the parts; an account is never removed, and DropIdle() must
// not be called on the registry.
#ifndef KONPRO_ACCESS_ADMISSION_H_
#define KONPRO_ACCESS_ADMISSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/admission_result.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/limiter_registry.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

class Admission {
 public:
  // All of it outlives the Admission. service.h opens all of it on one
  // backend.
  struct Parts {
    const Catalog& catalog;
    KeyDirectory& keys;
    AccountDirectory& accounts;
    LimiterRegistry& limits;
    Ledger& ledger;
  };

  struct Options {
    // The plan of a new account.
    std::string first_plan = "free_trial";
    // How long credits are held for a job that nobody ends.
    absl::Duration reservation_timeout = absl::Hours(24);
    // Names of windows in shadow mode, whosever they are.
    std::vector<std::string> shadow_windows;
    AdmissionObserver* observer = nullptr;
  };

  // What an account is on and has, for people.
  struct AccountView {
    AccountRecord record;
    const Plan* plan = nullptr;
    std::vector<RateWindow> windows;
    // What the windows would say to one request now, those in shadow mode
    // apart; absent where there are none such.
    std::optional<Decision> limits;
    std::optional<Decision> shadow;
    // Absent where no command of the account was ever journaled.
    std::optional<Balance> balance;
  };

  struct CompleteRequest {
    absl::string_view account;
    absl::string_view reservation;
    int64_t quantity = 0;  // the actual one; 0 costs nothing
  };
  struct CancelRequest {
    absl::string_view account;
    absl::string_view reservation;
  };

  // Puts all accounts of the directory under their windows; what the registry
  // has of them from before (limiter_snapshot.h) is kept. kInvalidArgument: an
  // option. kFailedPrecondition: an account is on a plan that the catalog does
  // not have. kResourceExhausted: more accounts than the registry or the key
  // directory has room for.
  static absl::StatusOr<std::unique_ptr<Admission>> Open(const Parts& parts,
                                                         const Options&);

  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Data plane.

  // See above; the reasons are in their order.
  AdmissionResult Admit(const AdmissionRequest& request, UnixNanos now);
  // At UnixNanos::CoarseNow().
  AdmissionResult Admit(const AdmissionRequest& request);

  // Charges what the actual quantity costs and releases the rest. kNotFound: no
  // reservation of that account has that id. kFailedPrecondition: it was
  // cancelled, or completed with another quantity; it has expired (the message
  // says what was released); the cost is above what it holds, and the rest is
  // not to be had: then it still holds it. kInvalidArgument: the quantity is
  // negative. kOutOfRange: it costs no amount of credits. kUnavailable: ask
  // again. The same call again is told the same, refusals too.
  absl::StatusOr<Settlement> Complete(const CompleteRequest&, UnixNanos now);
  // Releases all that it holds; as Complete().
  absl::StatusOr<Settlement> Cancel(const CancelRequest&, UnixNanos now);

  // Control plane.

  // A new account, on the first plan; one that is there stays as it is.
  // kInvalidArgument: the id. kResourceExhausted: there is no room. Else the
  // store's error.
  absl::StatusOr<AccountRecord> Provision(absl::string_view account,
                                          absl::Time now);
  // A key of the account, which is provisioned where it is missing. Errors of
  // Provision() and KeyDirectory::Mint().
  absl::StatusOr<MintedKey> CreateKey(const KeyDirectory::MintSpec& spec,
                                      absl::Time now);

  // All of these: kNotFound where the account was never provisioned, else the
  // store's error.

  // From the next request on: that plan's operations and windows, or `windows`
  // in their place. What was used stays used. kInvalidArgument: no such plan,
  // or no such windows.
  absl::Status SetPlan(absl::string_view account, absl::string_view plan,
                       absl::Span<const RateWindow> windows, absl::Time now);
  // The same of the windows alone; none: the plan's.
  absl::Status SetWindows(absl::string_view account,
                          absl::Span<const RateWindow> windows, absl::Time now);
  // Refuses everything from the next request on. Jobs that run can be completed
  // and cancelled. Where the store fails, the account is suspended all the
  // same, but not durably: call it again until it is OK.
  absl::Status Suspend(absl::string_view account, absl::Time now);
  absl::Status Resume(absl::string_view account, absl::Time now);

  // Also the ledger's errors.
  absl::StatusOr<AccountView> Describe(absl::string_view account,
                                       UnixNanos now) const;

  const Catalog& catalog() const { return parts_.catalog; }

 private:
  class Bound;
  struct Split;

  Admission(const Parts& parts, const Options& options,
            std::unique_ptr<LimiterRegistry> shadow);

  // The steps, in their order: each returns why it refuses, or kAdmitted.
  AdmissionReason Decide(const AdmissionRequest& request, UnixNanos now,
                         AdmissionResult& a);
  AdmissionReason CheckRequest(const AdmissionRequest& request,
                               AdmissionResult& a) const;
  AdmissionReason AskWindows(const Bound& bound, uint64_t cost, UnixNanos now,
                             AdmissionResult& a);
  AdmissionReason HoldCredits(const AdmissionRequest& request, UnixNanos now,
                              AdmissionResult& a);

  AdmissionReason Explain(const LedgerOutcome& outcome,
                          absl::string_view operation, AdmissionResult& a);
  absl::StatusOr<Settlement> Settle(const LedgerCommand& command,
                                    absl::string_view reservation);

  Split SplitOf(const AccountRecord& record, const Plan& plan) const;
  absl::Status PlaceAll() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Bound> Place(const AccountRecord& record, UnixNanos now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Writes `changed` in place of `old`, and has it in effect.
  absl::Status Change(const AccountRecord& old, AccountRecord changed,
                      absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction.
  const Parts parts_;
  const Options options_;
  // Of the windows in shadow mode; null where there are none.
  const std::unique_ptr<LimiterRegistry> shadow_;

  // Guards no field: it makes each change of an account one step, from reading
  // its record to binding its keys.
  Mutex mu_;
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_ADMISSION_H_

// Admission decides, for every request: whose key is this, may the account make
// the request, and which credits are held for it. It has no rules of its own:
// it calls what has them, in one order, and nothing later runs once a step
// refuses:
//
// - authenticate (key_directory.h): the scope; the account is not suspended
// - the request is well-formed, its operation known and allowed by the plan
// - rate windows (limiter_registry.h); none apply to a service's key
// - price (price_list.h)
// - hold credits (ledger.h)
//
//   auto admission = *Admission::Open(parts, {});
//   MintedKey key = *admission->CreateKey({.account_id = "acme"}, now);
//   AdmissionResult a = admission->Admit({.key = key.secret.text(),
//                                         .operation = "avatar_video",
//                                         .quantity = 90'000,
//                                         .id = "job-7"},
//                                        at);
//   a.ok()                                                     // true
//   admission->Complete({"acme", "job-7", 84'000}, at)->charged  // 84 credits
//
// Each request counts against the windows, a repeated one and one that lacks
// credits too; one that a window refuses counts against none. Windows in shadow
// mode count what the others admit, report, and refuse nothing.
//
// An id stands for one job. Until that has ended, the same request gets the
// first result, or kJobInProgress (OpenJobReplay); then kJobEnded. A denial is
// the result of its id for good. Ids are remembered for the ledger's duplicate
// window.
//
// Thread safety: thread-safe. Admit() of an unmetered request takes no lock,
// allocates nothing and does not touch the ledger. Changes of accounts take
// turns.
//
// Invariants: (1) once Suspend() has returned, with OK or the store's error, or
// SetPlan() or SetCatalog() with OK, every later Admit() sees it. (2) What a
// call that returned OK changed of an account, an Admission opened later on the
// same stores has too. (3) All keys of an account share its balance and its
// windows. (4) A reservation is charged at the prices that it was made at.
//
// Limits: those of the parts. An account is never removed; do not call
// DropIdle() on the registry.
#ifndef KONPRO_ACCESS_ADMISSION_H_
#define KONPRO_ACCESS_ADMISSION_H_

#include <array>
#include <atomic>
#include <cstddef>
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
#include "konpro/ledger/session.h"
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
    // What Complete() takes at most, as in session.h; 0: anything.
    int64_t implausible_factor = kImplausibleFactor;
    // Names of windows in shadow mode, of any account.
    std::vector<std::string> shadow_windows;
    AdmissionObserver* observer = nullptr;
  };

  // An account's plan, windows and balance, to be shown.
  struct AccountView {
    AccountRecord record;
    const Plan* plan = nullptr;
    std::vector<RateWindow> windows;
    // What the windows would decide about one request now, those in shadow mode
    // apart; absent if there are no such windows.
    std::optional<Decision> limits;
    std::optional<Decision> shadow;
    // Absent if no command of the account was ever journaled.
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

  // Adds all accounts of the directory to the registry; what it has of them
  // already (limiter_snapshot.h) is kept. kInvalidArgument: an option.
  // kFailedPrecondition: an account is on a plan that the catalog does not
  // have. kResourceExhausted: more accounts than the registry or the key
  // directory has room for.
  static absl::StatusOr<std::unique_ptr<Admission>> Open(const Parts& parts,
                                                         const Options&);

  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // Data plane.

  // The steps above, in that order.
  AdmissionResult Admit(const AdmissionRequest& request, UnixNanos now);
  AdmissionResult Admit(const AdmissionRequest& request);  // at CoarseNow()

  // Charges what the actual quantity costs, by the price of the time at which
  // the job was admitted, less what usage records of the job have charged, and
  // releases the rest. What is above the hold is drawn on what is available,
  // and the rest is uncollected. kNotFound: no reservation of that account has
  // that id. kFailedPrecondition (RefusalOf() says which): it was cancelled, or
  // completed with another quantity, or has expired (the message says what was
  // released). kInvalidArgument: the quantity is negative or implausible.
  // kOutOfRange: its cost is outside the range of credits. kUnavailable: retry.
  // Retrying with the same arguments returns the first result, denials
  // included, and has no further effect.
  absl::StatusOr<Settlement> Complete(const CompleteRequest&, UnixNanos now);
  // Releases all that it holds; as Complete().
  absl::StatusOr<Settlement> Cancel(const CancelRequest&, UnixNanos now);
  // What the job is, open or ended. kNotFound as Complete().
  absl::StatusOr<std::string> OperationOf(absl::string_view account,
                                          absl::string_view reservation) const;

  // Control plane.

  // A new account, on the first plan; one that exists is not changed.
  // kInvalidArgument: the id. kResourceExhausted: there is no room. Otherwise
  // the store's error.
  absl::StatusOr<AccountRecord> Provision(absl::string_view account,
                                          absl::Time now);
  // A key of the account, which is provisioned if it does not exist. Errors of
  // Provision() and KeyDirectory::Mint().
  absl::StatusOr<MintedKey> CreateKey(const KeyDirectory::MintSpec& spec,
                                      absl::Time now);

  // All of these: kNotFound if the account was never provisioned; otherwise the
  // store's error.

  // From the next request on: that plan's operations, and its windows or, if
  // not empty, `windows`. What was used stays used. kInvalidArgument: there is
  // no such plan, or the windows are not valid.
  absl::Status SetPlan(absl::string_view account, absl::string_view plan,
                       absl::Span<const RateWindow> windows, absl::Time now);
  // The same for the windows alone; none: the plan's.
  absl::Status SetWindows(absl::string_view account,
                          absl::Span<const RateWindow> windows, absl::Time now);
  // Refuses everything from the next request on; jobs that run can be ended. If
  // the store fails, the account is suspended, but not durably: call it again.
  absl::Status Suspend(absl::string_view account, absl::Time now);
  absl::Status Resume(absl::string_view account, absl::Time now);

  // Replaces the catalog, from the next request on. The one before outlives the
  // calls that have begun, and their results. kFailedPrecondition,
  // kInvalidArgument: it lacks the plan of an account, of new accounts.
  // kResourceExhausted: too many different windows. Then nothing has changed.
  // REQUIRES: no call from before the last SetCatalog() is running.
  absl::Status SetCatalog(const Catalog& catalog);

  absl::StatusOr<AccountView> Describe(absl::string_view account,
                                       UnixNanos now) const;

  // kUnavailable: the journal is ahead of the clock (journal_repair.h), and
  // nothing is held or charged.
  absl::Status CheckClock(UnixNanos now) const;
  const Catalog& catalog() const;

 private:
  class Bound;
  struct Split;

  Admission(const Parts& parts, const Options& options,
            std::unique_ptr<LimiterRegistry> shadow);

  // The steps, in their order: why it refuses, or kAdmitted. DecideNamed(): of
  // a key that names the account.
  AdmissionReason Decide(const AdmissionRequest& request, UnixNanos now,
                         AdmissionResult& a);
  AdmissionReason DecideNamed(const AdmissionRequest& request, UnixNanos now,
                              AdmissionResult& a);
  AdmissionReason CheckRequest(const AdmissionRequest& request,
                               const Catalog& catalog,
                               AdmissionResult& a) const;
  AdmissionReason AskWindows(const Bound& bound, uint64_t cost, UnixNanos now,
                             AdmissionResult& a);
  AdmissionReason HoldCredits(const AdmissionRequest& request,
                              const Catalog& catalog, UnixNanos now,
                              AdmissionResult& a);

  AdmissionReason Explain(const LedgerOutcome& outcome, AdmissionResult& a);
  // Of the job that an earlier request with this id began.
  AdmissionReason CheckJob(const AdmissionRequest& request,
                           const LedgerOutcome& first, UnixNanos now,
                           AdmissionResult& a);
  AdmissionReason RefuseUnavailable(const absl::Status& status,
                                    AdmissionResult& a);
  // `settlement` with what the ledger says, or why it was refused.
  absl::StatusOr<Settlement> Settled(Settlement settlement,
                                     const LedgerOutcome& outcome) const;

  Split SplitOf(const AccountRecord& record, const Plan& plan) const;
  const Catalog& CatalogOf(size_t generation) const;
  absl::Status CheckCatalog(const Catalog& catalog)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Bound> Place(const AccountRecord& record, UnixNanos now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Replaces `old` with `changed`, in the store and in effect.
  absl::Status Change(const AccountRecord& old, AccountRecord changed,
                      absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Constant after construction; for the catalog see catalogs_.
  const Parts parts_;
  const Options options_;
  // Of the windows in shadow mode; null if there are none.
  const std::unique_ptr<LimiterRegistry> shadow_;

  // Atomic, written under mu_: while one replaces the other, both are in use.
  std::array<std::atomic<const Catalog*>, 2> catalogs_;
  std::atomic<size_t> generation_{0};

  // Guards no field: it makes each change of an account one step, from reading
  // its record to binding its keys.
  Mutex mu_;
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_ADMISSION_H_

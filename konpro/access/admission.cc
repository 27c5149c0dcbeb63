#include "konpro/access/admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/base/credits.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/session.h"

// A catalog is replaced account by account, each in one step: the 64 bits also
// say by which of two catalogs the account goes, so no request meets a plan's
// place with the other's plans.
//
// All that an unmetered request needs of its account is in the 64 bits that the
// key directory keeps with each of the account's keys (KeyDirectory::Bind), in
// the cache line that authentication reads anyway: where the limiter's slot is,
// which plan, and what is special. So a request costs two accesses to memory
// that nothing has cached, the key's and the limiter's. See Bound.
//
// What a verb of accounts does first. Suspend() changes what requests meet and
// then the store, and stays with that, as KeyDirectory::Deactivate() does. All
// others must not be seen before they are durable but for the limiter's
// windows: those may refuse (too many different ones), so they are first, and
// put back if the store fails.
//
// What becomes of a reservation is in admission_settle.cc.
namespace konpro {

// What the key directory keeps for an Admission.
//   bit 0       the account was provisioned: the rest says something
//   bit 1       it is suspended
//   bit 2       its requests are asked of the limiter
//   bit 3       it has windows in shadow mode
//   bits 9..4   its plan's place in its catalog
//   bit 10      the generation of its catalog
//   bits 36..11 its slot in the limiter's registry
class Admission::Bound {
 public:
  explicit Bound(uint64_t word) : word_(word) {}
  // Where an account's plan is.
  struct PlanPlace {
    size_t generation = 0;
    size_t index = 0;
  };
  Bound(size_t slot, PlanPlace plan, const Split& split, bool is_suspended);

  uint64_t word() const { return word_; }
  bool is_provisioned() const { return (word_ & kProvisioned) != 0; }
  bool is_suspended() const { return (word_ & kSuspended) != 0; }
  bool is_limited() const { return (word_ & kLimited) != 0; }
  bool is_shadowed() const { return (word_ & kShadowed) != 0; }
  size_t plan() const { return word_ >> kPlanShift & kPlanMask; }
  size_t generation() const { return word_ >> kGenerationShift & 1; }
  size_t slot() const { return word_ >> kSlotShift; }

 private:
  static constexpr uint64_t kProvisioned = 1;
  static constexpr uint64_t kSuspended = 2;
  static constexpr uint64_t kLimited = 4;
  static constexpr uint64_t kShadowed = 8;
  static constexpr int kPlanShift = 4;
  static constexpr int kGenerationShift = 10;
  static constexpr int kSlotShift = 11;
  static constexpr uint64_t kPlanMask = 63;
  static_assert(Catalog::kPlansMax == kPlanMask + 1);
  static_assert(LimiterRegistry::kSlotBits + kSlotShift <= 64);

  uint64_t word_;
};

// An account's windows, by what they do.
struct Admission::Split {
  std::vector<RateWindow> enforced;
  std::vector<RateWindow> shadow;
  // False if all windows are in shadow mode: no window is not "nothing is
  // admitted" then.
  bool is_limited = true;
};

Admission::Bound::Bound(size_t slot, PlanPlace plan, const Split& split,
                        bool is_suspended)
    : word_(uint64_t{slot} << kSlotShift |
            uint64_t{plan.generation} << kGenerationShift |
            uint64_t{plan.index} << kPlanShift |
            (split.shadow.empty() ? 0 : kShadowed) |
            (split.is_limited ? kLimited : 0) |
            (is_suspended ? kSuspended : 0) | kProvisioned) {}

Admission::Admission(const Parts& parts, const Options& options,
                     std::unique_ptr<LimiterRegistry> shadow)
    : parts_(parts),
      options_(options),
      shadow_(std::move(shadow)),
      catalogs_{&parts.catalog, &parts.catalog} {}

absl::StatusOr<std::unique_ptr<Admission>> Admission::Open(
    const Parts& parts, const Options& options) {
  if (options.reservation_timeout < absl::Nanoseconds(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("reservation_timeout: ",
                     absl::FormatDuration(options.reservation_timeout),
                     " is not above zero"));
  }
  std::unique_ptr<LimiterRegistry> shadow;
  if (!options.shadow_windows.empty()) {
    absl::StatusOr<std::unique_ptr<LimiterRegistry>> created =
        LimiterRegistry::Create({.capacity = parts.limits.capacity()});
    if (!created.ok()) return created.status();
    shadow = *std::move(created);
  }
  std::unique_ptr<Admission> admission(
      new Admission(parts, options, std::move(shadow)));
  const absl::Status placed = admission->SetCatalog(parts.catalog);
  if (!placed.ok()) return placed;
  return admission;
}

const Catalog& Admission::CatalogOf(size_t generation) const {
  return *catalogs_[generation].load(std::memory_order_acquire);
}

const Catalog& Admission::catalog() const {
  return CatalogOf(generation_.load(std::memory_order_acquire));
}

absl::Status Admission::CheckCatalog(const Catalog& catalog) {
  if (catalog.FindPlan(options_.first_plan) == nullptr) {
    return catalog.UnknownPlan(options_.first_plan);
  }
  for (const std::string& id : parts_.accounts.AccountIds()) {
    const absl::StatusOr<AccountRecord> record = parts_.accounts.Find(id);
    if (!record.ok()) return record.status();
    const Plan* const plan = catalog.FindPlan(record->plan);
    if (plan == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(
          "account ", id, ": plan ", internal::Quoted(record->plan),
          " is not in catalog ", catalog.version()));
    }
    const Split split = SplitOf(*record, *plan);
    absl::Status status = parts_.limits.KeepWindows(id, split.enforced);
    if (status.ok() && shadow_ != nullptr) {
      status = shadow_->KeepWindows(id, split.shadow);
    }
    // An account that is not there yet may fail when it is inserted.
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status Admission::SetCatalog(const Catalog& catalog) {
  const MutexLock lock(mu_);
  // All or none: windows that a catalog of another shape has replaced do not
  // come back with what they had. After the check nothing can fail but
  // inserting accounts, which only Open() does.
  absl::Status status = CheckCatalog(catalog);
  if (!status.ok()) return status;
  const size_t generation = 1 - generation_.load(std::memory_order_relaxed);
  catalogs_[generation].store(&catalog, std::memory_order_release);
  generation_.store(generation, std::memory_order_release);
  for (const std::string& id : parts_.accounts.AccountIds()) {
    const absl::StatusOr<AccountRecord> record = parts_.accounts.Find(id);
    if (!record.ok()) return record.status();
    // Windows that another plan or catalog brings continue what was used until
    // now, not only until the account was changed.
    const UnixNanos now = std::max(UnixNanos::FromTime(record->changed_at),
                                   UnixNanos::CoarseNow());
    const absl::StatusOr<Bound> bound = Place(*record, now);
    if (!bound.ok()) return bound.status();
    status = parts_.keys.Bind(id, bound->word());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Admission of requests.

AdmissionResult Admission::Admit(const AdmissionRequest& request,
                                 UnixNanos now) {
  AdmissionResult a(parts_.keys.Authenticate(request.key, now));
  a.reason = Decide(request, now, a);
  if (options_.observer != nullptr) {
    if (a.ok()) {
      options_.observer->OnAdmitted(a);
    } else {
      options_.observer->OnRefused(a);
    }
  }
  return a;
}

AdmissionResult Admission::Admit(const AdmissionRequest& request) {
  return Admit(request, UnixNanos::CoarseNow());
}

AdmissionReason Admission::Decide(const AdmissionRequest& request,
                                  UnixNanos now, AdmissionResult& a) {
  if (!a.authentication.ok()) return AdmissionReason::kUnauthenticated;
  if (a.authentication.scope() != ApiKeyScope::kCustomer) [[unlikely]] {
    return DecideNamed(request, now, a);
  }
  if (!request.account.empty() && request.account != a.account()) {
    a.detail = "a customer's key is for its own account";
    return AdmissionReason::kWrongScope;
  }
  const Bound bound(a.authentication.handle());
  if (!bound.is_provisioned()) return AdmissionReason::kNotProvisioned;
  parts_.limits.PrefetchSlot(bound.slot());
  const Catalog& catalog = CatalogOf(bound.generation());
  a.plan = &catalog.plans()[bound.plan()];
  if (bound.is_suspended()) return AdmissionReason::kSuspended;
  AdmissionReason reason = CheckRequest(request, catalog, a);
  if (reason != AdmissionReason::kAdmitted) return reason;
  reason = AskWindows(bound, request.requests, now, a);
  if (reason != AdmissionReason::kAdmitted || request.operation.empty()) {
    return reason;
  }
  return HoldCredits(request, catalog, now, a);
}

AdmissionReason Admission::DecideNamed(const AdmissionRequest& request,
                                       UnixNanos now, AdmissionResult& a) {
  if (request.account.empty()) {
    a.detail = absl::StrCat("a key of scope ",
                            ApiKeyScopeName(a.authentication.scope()),
                            " makes no requests of its own");
    return AdmissionReason::kWrongScope;
  }
  const absl::StatusOr<AccountRecord> record =
      parts_.accounts.Find(request.account);
  if (!record.ok()) return AdmissionReason::kNotProvisioned;
  a.named_account = record->account_id;
  const Catalog& catalog = this->catalog();
  a.plan = catalog.FindPlan(record->plan);
  // The account's plan and then the catalog were replaced meanwhile.
  if (a.plan == nullptr) {
    return RefuseUnavailable(catalog.UnknownPlan(record->plan), a);
  }
  if (record->is_suspended) return AdmissionReason::kSuspended;
  const AdmissionReason reason = CheckRequest(request, catalog, a);
  if (reason != AdmissionReason::kAdmitted || request.operation.empty()) {
    return reason;
  }
  return HoldCredits(request, catalog, now, a);
}

AdmissionReason Admission::CheckRequest(const AdmissionRequest& request,
                                        const Catalog& catalog,
                                        AdmissionResult& a) const {
  const auto malformed = [&](absl::string_view what) {
    a.detail = std::string(what);
    return AdmissionReason::kMalformed;
  };
  if (!request.malformed.empty()) return malformed(request.malformed);
  if (request.requests == 0) return malformed("requests: is one or more");
  if (request.quantity < 0) return malformed("quantity: is negative");
  if (request.operation.empty()) {
    if (request.quantity == 0) return AdmissionReason::kAdmitted;
    return malformed("operation: a quantity needs one");
  }
  absl::Status status =
      internal::CheckId("id", request.id, AdmissionRequest::kIdBytesMax);
  if (status.ok() && !request.job.empty()) {
    status =
        internal::CheckId("job", request.job, AdmissionRequest::kJobBytesMax);
  }
  if (!status.ok()) return malformed(status.message());
  if (catalog.FindOperation(request.operation) == nullptr) {
    a.detail =
        std::string(catalog.UnknownOperation(request.operation).message());
    return AdmissionReason::kUnknownOperation;
  }
  return a.plan->Allows(request.operation)
             ? AdmissionReason::kAdmitted
             : AdmissionReason::kOperationNotInPlan;
}

AdmissionReason Admission::AskWindows(const Bound& bound, uint64_t cost,
                                      UnixNanos now, AdmissionResult& a) {
  if (bound.is_limited()) {
    const Decision decision =
        parts_.limits.TryAcquire(parts_.limits.InSlot(bound.slot()), cost, now);
    a.limits = decision;
    switch (decision.outcome()) {
      case LimitOutcome::kAllowed:
        break;
      case LimitOutcome::kRetryLater:
        a.retry_after = decision.retry_after();
        a.retryable = decision.retry_at() < UnixNanos::Max();
        return AdmissionReason::kRateLimited;
      case LimitOutcome::kExceedsLimit:
        return AdmissionReason::kExceedsLimit;
      case LimitOutcome::kNoWindows:
        return AdmissionReason::kNoWindows;
      case LimitOutcome::kUnknownAccount:
        // The registry was handed over: somebody else has it by now.
        a.limits.reset();
        a.retryable = true;
        return AdmissionReason::kUnavailable;
    }
  }
  if (bound.is_shadowed()) {
    a.shadow = shadow_->TryAcquire(a.account(), cost, now);
  }
  return AdmissionReason::kAdmitted;
}

absl::Status Admission::CheckClock(UnixNanos now) const {
  return CheckJournalClock(parts_.ledger, {.clock = now.ToTime()});
}

AdmissionReason Admission::HoldCredits(const AdmissionRequest& request,
                                       const Catalog& catalog, UnixNanos now,
                                       AdmissionResult& a) {
  const PriceList* const prices = catalog.PricesAt(now.ToTime());
  const Price* const price =
      prices == nullptr ? nullptr : prices->Find(request.operation);
  if (price == nullptr) return AdmissionReason::kNoPrice;
  const std::optional<Credits> cost = price->CostOf(request.quantity);
  if (!cost.has_value()) return AdmissionReason::kCostOutOfRange;
  a.need = *cost;
  const absl::Status clock = CheckClock(now);
  if (!clock.ok()) {
    a.retryable = true;
    if (!IsAheadOfClock(clock)) return AdmissionReason::kUnavailable;
    a.detail = std::string(clock.message());
    return AdmissionReason::kJournalAhead;
  }
  const std::string id = absl::StrCat(kAdmittedJobPrefix, request.id);
  const absl::StatusOr<LedgerOutcome> outcome = parts_.ledger.Apply(
      {.account = a.account(),
       .id = id,
       .at = now,
       .request = LedgerReserve{.amount = *cost,
                                .operation = request.operation,
                                .timeout = options_.reservation_timeout},
       .pricing =
           Pricing{.catalog_version = catalog.version(),
                   .operation = request.operation,
                   .quantity = request.quantity,
                   .terms = price->terms(),
                   .effective_at = UnixNanos::FromTime(prices->effective_at()),
                   .label = request.job}});
  if (outcome.ok()) {
    AdmissionReason reason = Explain(*outcome, a);
    if (reason == AdmissionReason::kAdmitted && outcome->replayed) {
      reason = CheckJob(request, *outcome, now, a);
    }
    if (reason == AdmissionReason::kAdmitted) {
      a.reservation = std::string(request.id);
    }
    return reason;
  }
  switch (outcome.status().code()) {
    case absl::StatusCode::kAlreadyExists:
      a.detail = std::string(outcome.status().message());
      a.needs_new_id = true;
      return AdmissionReason::kIdConflict;
    case absl::StatusCode::kInvalidArgument:
      a.detail = std::string(outcome.status().message());
      return AdmissionReason::kMalformed;
    default:
      return RefuseUnavailable(outcome.status(), a);
  }
}

AdmissionReason Admission::RefuseUnavailable(const absl::Status& status,
                                             AdmissionResult& a) {
  a.detail = std::string(status.message());
  a.retryable = true;
  return AdmissionReason::kUnavailable;
}

AdmissionReason Admission::CheckJob(const AdmissionRequest& request,
                                    const LedgerOutcome& first, UnixNanos now,
                                    AdmissionResult& a) {
  // The state decides, not what this process remembers: the reservation may
  // have been captured, voided or left to expire by anyone.
  const absl::StatusOr<Account> account =
      parts_.ledger.AccountAt(a.account(), now);
  if (!account.ok()) return RefuseUnavailable(account.status(), a);
  if (!account->FindReservation(first.sequence).has_value()) {
    a.needs_new_id = true;
    return AdmissionReason::kJobEnded;
  }
  return request.open_job == OpenJobReplay::kRefuse
             ? AdmissionReason::kJobInProgress
             : AdmissionReason::kAdmitted;
}

AdmissionReason Admission::Explain(const LedgerOutcome& outcome,
                                   AdmissionResult& a) {
  a.replayed = outcome.replayed;
  const AccountEffect& effect = outcome.effect;
  switch (effect.refusal) {
    case Refusal::kNone:
      // Of the first time, whatever the price is by now.
      a.need = *SumOf(effect.held);
      return AdmissionReason::kAdmitted;
    case Refusal::kInsufficientCredits:
      a.need = effect.shortage.need;
      a.held = effect.shortage.held;
      a.available = effect.shortage.available;
      a.shortfall = effect.shortage.missing;
      a.open_reservations_cover = a.held >= a.shortfall;
      a.needs_new_id = true;
      return AdmissionReason::kInsufficientCredits;
    default:
      a.needs_new_id = true;
      a.detail = std::string(RefusalName(effect.refusal));
      return AdmissionReason::kReservationRefused;
  }
}

// Accounts.

Admission::Split Admission::SplitOf(const AccountRecord& record,
                                    const Plan& plan) const {
  Split split;
  const absl::Span<const RateWindow> windows =
      record.windows.empty() ? plan.windows()
                             : absl::MakeConstSpan(record.windows);
  for (const RateWindow& window : windows) {
    const bool is_shadow =
        std::find(options_.shadow_windows.begin(),
                  options_.shadow_windows.end(),
                  window.name()) != options_.shadow_windows.end();
    (is_shadow ? split.shadow : split.enforced).push_back(window);
  }
  split.is_limited = windows.empty() || !split.enforced.empty();
  return split;
}

absl::StatusOr<Admission::Bound> Admission::Place(const AccountRecord& record,
                                                  UnixNanos now) {
  const absl::string_view id = record.account_id;
  const size_t generation = generation_.load(std::memory_order_relaxed);
  const Catalog& catalog = CatalogOf(generation);
  const Plan* const plan = catalog.FindPlan(record.plan);
  if (plan == nullptr) return catalog.UnknownPlan(record.plan);
  const Split split = SplitOf(record, *plan);
  const auto place = [&](LimiterRegistry& registry,
                         absl::Span<const RateWindow> windows) {
    if (registry.Find(id)) return registry.SetWindows(id, windows, now);
    return registry.Insert(id, windows).status();
  };
  absl::Status status = place(parts_.limits, split.enforced);
  if (status.ok() && shadow_ != nullptr) status = place(*shadow_, split.shadow);
  if (!status.ok()) return status;
  return Bound(parts_.limits.SlotOf(parts_.limits.Find(id)),
               {.generation = generation,
                .index = static_cast<size_t>(plan - catalog.plans().data())},
               split, record.is_suspended);
}

absl::StatusOr<AccountRecord> Admission::Provision(absl::string_view account,
                                                   absl::Time now) {
  const MutexLock lock(mu_);
  absl::StatusOr<AccountRecord> record = parts_.accounts.Find(account);
  const bool is_new = !record.ok();
  if (is_new) {
    record = AccountRecord{.account_id = std::string(account),
                           .plan = options_.first_plan,
                           .created_at = now,
                           .changed_at = now};
  }
  const absl::StatusOr<Bound> bound = Place(*record, UnixNanos::FromTime(now));
  if (!bound.ok()) return bound.status();
  if (is_new) {
    absl::Status status = parts_.accounts.Put(*record);
    if (!status.ok()) return status;
  }
  // Also of one that is there: its keys may have found no room before.
  absl::Status status = parts_.keys.Bind(account, bound->word());
  if (!status.ok()) return status;
  return record;
}

absl::StatusOr<MintedKey> Admission::CreateKey(
    const KeyDirectory::MintSpec& spec, absl::Time now) {
  absl::StatusOr<AccountRecord> record = Provision(spec.account_id, now);
  if (!record.ok()) return record.status();
  return parts_.keys.Mint(spec, now);
}

absl::Status Admission::Change(const AccountRecord& old, AccountRecord changed,
                               absl::Time now) {
  changed.changed_at = now;
  const UnixNanos at = UnixNanos::FromTime(now);
  const absl::StatusOr<Bound> bound = Place(changed, at);
  absl::Status status = bound.status();
  if (status.ok()) status = parts_.accounts.Put(std::move(changed));
  if (!status.ok()) {
    // The registry has these windows already: it cannot refuse them.
    Place(old, at).IgnoreError();
    return status;
  }
  return parts_.keys.Bind(old.account_id, bound->word());
}

absl::Status Admission::SetPlan(absl::string_view account,
                                absl::string_view plan,
                                absl::Span<const RateWindow> windows,
                                absl::Time now) {
  const MutexLock lock(mu_);
  const absl::StatusOr<AccountRecord> old = parts_.accounts.Find(account);
  if (!old.ok()) return old.status();
  AccountRecord changed = *old;
  changed.plan = std::string(plan);
  changed.windows.assign(windows.begin(), windows.end());
  return Change(*old, std::move(changed), now);
}

absl::Status Admission::SetWindows(absl::string_view account,
                                   absl::Span<const RateWindow> windows,
                                   absl::Time now) {
  const MutexLock lock(mu_);
  const absl::StatusOr<AccountRecord> old = parts_.accounts.Find(account);
  if (!old.ok()) return old.status();
  AccountRecord changed = *old;
  changed.windows.assign(windows.begin(), windows.end());
  return Change(*old, std::move(changed), now);
}

absl::Status Admission::Suspend(absl::string_view account, absl::Time now) {
  const MutexLock lock(mu_);
  absl::StatusOr<AccountRecord> record = parts_.accounts.Find(account);
  if (!record.ok()) return record.status();
  record->is_suspended = true;
  record->changed_at = now;
  const absl::StatusOr<Bound> bound = Place(*record, UnixNanos::FromTime(now));
  if (!bound.ok()) return bound.status();
  absl::Status status = parts_.keys.Bind(account, bound->word());
  if (!status.ok()) return status;
  return parts_.accounts.PutInForce(*std::move(record));
}

absl::Status Admission::Resume(absl::string_view account, absl::Time now) {
  const MutexLock lock(mu_);
  const absl::StatusOr<AccountRecord> old = parts_.accounts.Find(account);
  if (!old.ok()) return old.status();
  AccountRecord changed = *old;
  changed.is_suspended = false;
  return Change(*old, std::move(changed), now);
}

absl::StatusOr<Admission::AccountView> Admission::Describe(
    absl::string_view account, UnixNanos now) const {
  absl::StatusOr<AccountRecord> record = parts_.accounts.Find(account);
  if (!record.ok()) return record.status();
  AccountView view = {.record = *std::move(record)};
  const Catalog& catalog = this->catalog();
  view.plan = catalog.FindPlan(view.record.plan);
  if (view.plan == nullptr) return catalog.UnknownPlan(view.record.plan);
  const absl::Span<const RateWindow> windows =
      view.record.windows.empty() ? view.plan->windows()
                                  : absl::MakeConstSpan(view.record.windows);
  view.windows.assign(windows.begin(), windows.end());
  const Split split = SplitOf(view.record, *view.plan);
  if (!split.enforced.empty()) {
    view.limits = parts_.limits.Peek(parts_.limits.Find(account), 1, now);
  }
  if (!split.shadow.empty()) {
    view.shadow = shadow_->Peek(shadow_->Find(account), 1, now);
  }
  absl::StatusOr<Balance> balance = parts_.ledger.BalanceOf(account, now);
  if (balance.ok()) {
    view.balance = *balance;
  } else if (!absl::IsNotFound(balance.status())) {
    return balance.status();
  }
  return view;
}

}  // namespace konpro

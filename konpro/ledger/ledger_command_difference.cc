#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/ledger/ledger_command.h"

// Whether two commands with one id have the same content: fields are compared
// in turn, and the first that differs is shown as text.

namespace konpro {
namespace {

std::string TextOf(absl::string_view text) { return std::string(text); }
std::string TextOf(Credits amount) { return amount.ToString(); }
std::string TextOf(const std::optional<Credits>& amount) {
  return amount.has_value() ? amount->ToString() : "all";
}
std::string TextOf(UnixNanos time) {
  if (time == UnixNanos::Max()) return "never";
  return absl::FormatTime(absl::RFC3339_full, time.ToTime(),
                          absl::UTCTimeZone());
}
std::string TextOf(const std::optional<UnixNanos>& time) {
  return time.has_value() ? TextOf(*time) : "none";
}
std::string TextOf(absl::Duration duration) {
  return absl::FormatDuration(duration);
}
std::string TextOf(const std::vector<std::string>& texts) {
  return texts.empty() ? "all" : absl::StrJoin(texts, ",");
}
std::string TextOf(bool value) { return value ? "yes" : "no"; }
std::string TextOf(int64_t value) { return absl::StrCat(value); }
std::string TextOf(GrantKind kind) { return std::string(GrantKindName(kind)); }
std::string TextOf(Overrun overrun) {
  return std::string(OverrunName(overrun));
}
std::string TextOf(DrawMode mode) { return std::string(DrawModeName(mode)); }
std::string TextOf(Cycle cycle) { return std::string(CycleName(cycle)); }
std::string TextOf(absl::CivilDay day) { return absl::FormatCivilTime(day); }

class Comparison {
 public:
  template <typename T>
  Comparison& Field(absl::string_view name, const T& now, const T& first) {
    if (difference_.empty() && !(now == first)) {
      difference_ =
          absl::StrCat(name, ": ", TextOf(now), ", was ", TextOf(first));
    }
    return *this;
  }
  std::string Take() { return std::move(difference_); }

 private:
  std::string difference_;
};

// With a price, its quantity stands for the amount.
void Compare(const GrantCommand& now, const GrantCommand& first, bool,
             Comparison& c) {
  c.Field("grant", now.id, first.id)
      .Field("amount", now.amount, first.amount)
      .Field("priority", int64_t{now.priority}, int64_t{first.priority})
      .Field("effective_at", now.effective_at, first.effective_at)
      .Field("expires_at", now.expires_at, first.expires_at)
      .Field("operations", now.operations, first.operations)
      .Field("kind", now.kind, first.kind);
}
void Compare(const AllowanceCommand& now, const AllowanceCommand& first, bool,
             Comparison& c) {
  const Allowance::Spec& a = now.allowance.spec();
  const Allowance::Spec& b = first.allowance.spec();
  c.Field("source", a.source, b.source)
      .Field("item", a.item, b.item)
      .Field("amount", a.amount, b.amount)
      .Field("cycle", a.cycle, b.cycle)
      .Field("anchor", a.anchor, b.anchor)
      .Field("zone", a.zone, b.zone)
      .Field("priority", int64_t{a.priority}, int64_t{b.priority})
      .Field("operations", a.operations, b.operations)
      .Field("kind", a.kind, b.kind)
      .Field("rollover_max", a.rollover_max, b.rollover_max)
      .Field("periods", a.periods, b.periods);
}
void Compare(const EndAllowanceCommand& now, const EndAllowanceCommand& first,
             bool, Comparison& c) {
  c.Field("source", now.source, first.source)
      .Field("item", now.item, first.item);
}
void Compare(const VoidGrantCommand& now, const VoidGrantCommand& first, bool,
             Comparison& c) {
  c.Field("grant", now.grant, first.grant);
}
void Compare(const LedgerReserve& now, const LedgerReserve& first, bool priced,
             Comparison& c) {
  if (!priced) c.Field("amount", now.amount, first.amount);
  c.Field("operation", now.operation, first.operation)
      .Field("timeout", absl::Trunc(now.timeout, absl::Nanoseconds(1)),
             absl::Trunc(first.timeout, absl::Nanoseconds(1)))
      .Field("overrun", now.overrun, first.overrun)
      .Field("mode", now.mode, first.mode);
}
void Compare(const LedgerCapture& now, const LedgerCapture& first, bool priced,
             Comparison& c) {
  c.Field("reservation", now.reservation, first.reservation);
  if (!priced) c.Field("amount", now.amount, first.amount);
  c.Field("final", now.final, first.final)
      .Field("collects", now.collects, first.collects)
      .Field("is_record", now.is_record, first.is_record);
}
void Compare(const LedgerVoid& now, const LedgerVoid& first, bool,
             Comparison& c) {
  c.Field("reservation", now.reservation, first.reservation);
}
void Compare(const SpendCommand& now, const SpendCommand& first, bool priced,
             Comparison& c) {
  if (!priced) c.Field("amount", now.amount, first.amount);
  c.Field("operation", now.operation, first.operation)
      .Field("mode", now.mode, first.mode);
}
void Compare(const LedgerRefund& now, const LedgerRefund& first, bool,
             Comparison& c) {
  c.Field("command", now.command, first.command)
      .Field("sequence", static_cast<int64_t>(now.sequence),
             static_cast<int64_t>(first.sequence))
      .Field("amount", now.amount, first.amount);
}

}  // namespace

std::string ContentDifference(const LedgerCommand& now,
                              const LedgerCommand& first) {
  Comparison c;
  c.Field("command", RequestName(now.request), RequestName(first.request))
      .Field("event_at", now.event_at, first.event_at)
      .Field("pricing", now.pricing.has_value(), first.pricing.has_value());
  const bool priced = now.pricing.has_value() && first.pricing.has_value();
  if (now.request.index() == first.request.index()) {
    std::visit(
        [&](const auto& r) {
          Compare(r, std::get<std::decay_t<decltype(r)>>(first.request), priced,
                  c);
        },
        now.request);
  }
  if (priced) {
    c.Field("pricing.operation", now.pricing->operation,
            first.pricing->operation)
        .Field("pricing.quantity",
               now.pricing->quantity - now.pricing->quantity_before,
               first.pricing->quantity - first.pricing->quantity_before)
        .Field("pricing.job", now.pricing->job, first.pricing->job)
        .Field("pricing.label", now.pricing->label, first.pricing->label);
  }
  c.Field("settles_job", now.settles_job, first.settles_job);
  return c.Take();
}

}  // namespace konpro

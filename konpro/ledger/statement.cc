#include "konpro/ledger/statement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/ledger/internal/apply_command.h"
#include "konpro/ledger/ledger_command.h"

// The account is computed from its entries, applied in order. Its balance is
// read twice: just before the period, and at its last instant. Spends and
// refunds are summed on the way; the rest is the difference of both balances.

namespace konpro {
namespace {

class Period {
 public:
  Period(UnixNanos begin, UnixNanos as_of) : begin_(begin), as_of_(as_of) {}

  // REQUIRES: its time is before the end of the period.
  absl::Status Apply(const JournalEntry& entry) {
    if (entry.place.at >= begin_) Open();
    const std::string operation = OperationOf(entry);
    internal::ApplyEntry(entry, account_, effect_);
    if (entry.place.at < begin_ || !effect_.applied()) return absl::OkStatus();
    return Count(entry, operation);
  }

  absl::StatusOr<Statement> Close();

 private:
  struct Places {
    Credits issued;
    Credits kept;
    Balance balance;
  };

  // The limits of an account hold what was ever issued within the range.
  Places Look() const {
    const Balance b = account_.balance();
    const auto sum = [](Credits a, Credits c) {
      return CheckedAdd(a, c).value_or(Credits::Max());
    };
    const Credits kept = sum(sum(b.available, b.pending), b.reserved);
    return {.issued = sum(sum(sum(kept, b.posted), b.expired), b.voided),
            .kept = kept,
            .balance = b};
  }

  void Open() {
    if (opening_.has_value()) return;
    account_.Advance(std::min(as_of_, Before(begin_)));
    opening_ = begin_ == UnixNanos() ? Places() : Look();
  }

  static UnixNanos Before(UnixNanos time) {
    return UnixNanos::FromNanos(time.nanos() - 1);
  }

  std::string OperationOf(const JournalEntry& entry) const {
    if (const auto* s = std::get_if<SpendCommand>(&entry.command.request)) {
      return std::string(s->operation);
    }
    if (!std::holds_alternative<LedgerCapture>(entry.command.request)) {
      return "";
    }
    if (entry.command.pricing.has_value()) {
      return std::string(entry.command.pricing->operation);
    }
    const std::optional<ReservationView> open =
        account_.FindReservation(entry.resolution.target);
    return open.has_value() ? std::string(open->operation) : "";
  }

  absl::Status Count(const JournalEntry& entry, const std::string& operation);

  const UnixNanos begin_;
  const UnixNanos as_of_;
  Account account_;
  AccountEffect effect_;
  std::optional<Places> opening_;
  std::map<std::string, StatementLine> lines_;
  Statement statement_;
};

bool Add(Credits amount, Credits& sum) {
  const std::optional<Credits> added = CheckedAdd(sum, amount);
  sum = added.value_or(sum);
  return added.has_value();
}

absl::Status Period::Count(const JournalEntry& entry,
                           const std::string& operation) {
  bool fits = true;
  for (const Allocation& part : effect_.refunded) {
    fits = fits && Add(part.amount, statement_.refunded);
  }
  const bool is_charge =
      std::holds_alternative<SpendCommand>(entry.command.request) ||
      std::holds_alternative<LedgerCapture>(entry.command.request);
  if (is_charge) {
    StatementLine& line = lines_[operation];
    ++line.count;
    if (entry.command.pricing.has_value()) {
      fits = fits &&
             !__builtin_add_overflow(line.quantity,
                                     entry.command.pricing->quantity -
                                         entry.command.pricing->quantity_before,
                                     &line.quantity);
    }
    fits = fits && Add(effect_.uncollected, line.uncollected) &&
           Add(effect_.uncollected, statement_.uncollected);
    for (const Allocation& part : effect_.posted) {
      fits = fits && Add(part.amount, line.cost) &&
             Add(part.amount, statement_.spent);
    }
  }
  if (fits) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("entry ", entry.place.sequence,
                   ": the sums of the period leave their range"));
}

absl::StatusOr<Statement> Period::Close() {
  Open();
  account_.Advance(as_of_);
  const Places closing = Look();
  statement_.as_of = as_of_;
  statement_.opening = opening_->kept;
  statement_.closing = closing.kept;
  statement_.balance = closing.balance;
  // No place but `kept` ever shrinks, besides what is posted.
  statement_.granted = *CheckedSubtract(closing.issued, opening_->issued);
  statement_.expired =
      *CheckedSubtract(closing.balance.expired, opening_->balance.expired);
  statement_.voided =
      *CheckedSubtract(closing.balance.voided, opening_->balance.voided);
  for (auto& [operation, line] : lines_) {
    line.operation = operation;
    statement_.lines.push_back(std::move(line));
  }
  return std::move(statement_);
}

}  // namespace

absl::StatusOr<Statement> MakeStatement(Ledger& ledger,
                                        absl::string_view account,
                                        const StatementPeriod& period,
                                        UnixNanos now) {
  if (period.end <= period.begin) {
    return absl::InvalidArgumentError("period: ends before it begins");
  }
  const UnixNanos last = UnixNanos::FromNanos(period.end.nanos() - 1);
  Period state(period.begin, std::min(last, std::max(now, ledger.Now())));
  const absl::Status status = ledger.History(
      account,
      [&](const JournalEntry& entry, absl::string_view) -> absl::Status {
        if (entry.place.at >= period.end) return absl::CancelledError();
        return state.Apply(entry);
      });
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  return state.Close();
}

}  // namespace konpro

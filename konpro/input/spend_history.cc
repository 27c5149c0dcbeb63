#include "konpro/input/spend_history.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/input/internal/csv.h"
#include "konpro/input/usage_input.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/usage.h"

namespace konpro {
namespace {

using ::absl::CivilDay;

absl::StatusOr<bool> ParseCapped(absl::string_view text) {
  if (text.empty() || text == "0" || text == "no" || text == "false") {
    return false;
  }
  if (text == "1" || text == "yes" || text == "true") return true;
  return absl::InvalidArgumentError(absl::StrCat(
      internal::Quoted(text), " is not one of yes, no, true, false, 1, 0"));
}

// Reads rows of date, credits and capped, in any order of columns.
class DaysReader {
 public:
  DaysReader(SpendByDay& spend, InputErrors& errors)
      : spend_(spend), errors_(errors) {}

  void AddRow(const CsvRow& row) {
    if (columns_.empty()) return AddHeader(row);
    if (!HasCells(row, columns_.size(), errors_)) return;
    SpendEntry entry;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const absl::Status status = Read(columns_[i], row.cells()[i], entry);
      if (!status.ok()) return Error(row, i, status.message());
    }
    const absl::Status status = spend_.Add(entry);
    if (!status.ok()) Error(row, 0, status.message());
  }

  bool has_header() const { return !columns_.empty(); }
  // Whether the header says nothing of the rows below it.
  bool header_failed() const { return failed_; }

 private:
  void AddHeader(const CsvRow& row) {
    static constexpr absl::string_view kKnown[] = {"date", "credits", "capped"};
    for (size_t i = 0; i < row.cells().size(); ++i) {
      const absl::string_view name = row.cells()[i];
      const bool known = std::find(std::begin(kKnown), std::end(kKnown),
                                   name) != std::end(kKnown);
      const bool twice =
          std::find(columns_.begin(), columns_.end(), name) != columns_.end();
      if (!known || twice) {
        Error(row, i,
              absl::StrCat(known ? "second column " : "unknown column ",
                           internal::Quoted(name),
                           known ? "" : internal::Suggestion(name, kKnown)));
        failed_ = true;
      }
      columns_.emplace_back(name);
    }
    for (const char* required : {"date", "credits"}) {
      if (std::find(columns_.begin(), columns_.end(), required) !=
          columns_.end()) {
        continue;
      }
      Error(row, 0, absl::StrCat("no column ", internal::Quoted(required)));
      failed_ = true;
    }
  }

  static absl::Status Read(absl::string_view column, absl::string_view cell,
                           SpendEntry& entry) {
    if (column == "date") {
      const absl::StatusOr<CivilDay> day = ParseDay(cell);
      if (day.ok()) entry.day = *day;
      return day.status();
    }
    if (column == "credits") {
      const absl::StatusOr<Credits> amount = Credits::Parse(cell);
      if (amount.ok()) entry.amount = *amount;
      return amount.status();
    }
    const absl::StatusOr<bool> capped = ParseCapped(cell);
    if (capped.ok()) entry.capped = *capped;
    return capped.status();
  }

  void Error(const CsvRow& row, size_t cell, absl::string_view what) {
    const auto [line, column] = row.PlaceOf(cell);
    errors_.Add(line, column, what);
  }

  SpendByDay& spend_;
  InputErrors& errors_;
  // Empty before the header.
  std::vector<std::string> columns_;
  bool failed_ = false;
};

void ReadDays(InputFile& input, SpendByDay& spend, InputErrors& errors) {
  DaysReader days(spend, errors);
  ReadCsv(input, errors, [&](const CsvRow& row) {
    days.AddRow(row);
    return !days.header_failed();
  });
  if (!days.has_header() && errors.none()) {
    errors.Add(1, 1,
               "empty: a history is usage records, or CSV that begins with "
               "date,credits");
  }
}

void ReadRecords(InputFile& input, const SpendSource& source,
                 SpendHistory& history, InputErrors& errors) {
  history.priced = true;
  SessionCosts sessions;
  const auto add = [&](const v1::UsageRecord& record) {
    const absl::StatusOr<RatedUsage> rated = RateUsage(source.catalog, record);
    if (!rated.ok() && !absl::IsNotFound(rated.status())) {
      return rated.status();
    }
    if (!source.account.empty() && record.account_id() != source.account) {
      ++history.other_records;
      return absl::OkStatus();
    }
    if (!rated.ok()) {
      ++history.unpriced_records;
      return absl::OkStatus();
    }
    const absl::StatusOr<SessionCosts::Slice> slice =
        sessions.Next(record.account_id(), record.job_id(), *rated);
    if (!slice.ok()) return slice.status();
    const absl::Time start =
        absl::FromUnixSeconds(record.start_time().seconds());
    absl::Status status = history.spend.Add(
        {.day = absl::ToCivilDay(start, source.zone), .amount = slice->cost});
    if (status.ok()) SessionCosts::Add(*slice);
    return status;
  };
  ReadUsageRecords(input, UsageRecordForm::kAuto, errors, add);
}

// Whether an input that begins with `begin` has records, and not days.
bool LooksLikeRecords(absl::string_view begin) {
  const size_t first = begin.find_first_not_of(" \t\r\n");
  return LooksDelimited(begin) ||
         (first != begin.npos && (begin[first] == '{' || begin[first] == '['));
}

// Adds the entries of a journal, in order.
class LedgerReader {
 public:
  LedgerReader(absl::TimeZone zone, SpendHistory& history)
      : zone_(zone), history_(history) {}

  absl::Status Add(const JournalEntry& entry) {
    const CivilDay entered = DayOf(entry.place.at);
    const CivilDay day = DayOf(entry.command.event_at.value_or(entry.place.at));
    for (const Allocation& part : entry.effect.posted) {
      const absl::Status status =
          history_.spend.Add({.day = day, .amount = part.amount});
      if (!status.ok()) return status;
    }
    if (!entry.effect.posted.empty() && day != entered) {
      event_days_[entry.place.sequence] = day;
    }
    if (!entry.effect.refunded.empty()) Refund(entry, day);
    return absl::OkStatus();
  }

 private:
  CivilDay DayOf(UnixNanos at) const {
    return absl::ToCivilDay(at.ToTime(), zone_);
  }

  // Off the day of what is refunded; what that day did not spend, off its own.
  void Refund(const JournalEntry& entry, CivilDay day) {
    const auto found = event_days_.find(entry.resolution.target);
    const CivilDay spent_on = found == event_days_.end()
                                  ? DayOf(entry.resolution.posted_at)
                                  : found->second;
    bool all_placed = true;
    for (const Allocation& part : entry.effect.refunded) {
      const Credits rest = history_.spend.Refund(spent_on, part.amount);
      all_placed &= history_.spend.Refund(day, rest) == Credits();
    }
    history_.unplaced_refunds += !all_placed;
  }

  absl::TimeZone zone_;
  SpendHistory& history_;
  // Of spends that were entered on another day, by their sequence.
  absl::flat_hash_map<uint64_t, CivilDay> event_days_;
};

}  // namespace

absl::StatusOr<CivilDay> ParseDay(absl::string_view text) {
  CivilDay day;
  if (!absl::ParseCivilTime(text, &day) || day.year() < 1 ||
      day.year() > 9999) {
    return absl::InvalidArgumentError(
        absl::StrCat(internal::Quoted(text), " is no date such as 2027-01-31"));
  }
  return day;
}

bool LooksLikeLedgerFile(absl::string_view begin) {
  constexpr absl::string_view kSqlite("SQLite format 3\0", 16);
  return begin.substr(0, kSqlite.size()) == kSqlite;
}

SpendHistory ReadSpendHistory(InputFile& input, const SpendSource& source,
                              InputErrors& errors) {
  SpendHistory history;
  if (LooksLikeRecords(input.Peek())) {
    ReadRecords(input, source, history, errors);
  } else if (!source.account.empty()) {
    errors.AddForFile(
        "--account: this is no file of usage records and no ledger");
  } else {
    ReadDays(input, history.spend, errors);
  }
  return history;
}

absl::StatusOr<SpendHistory> SpendOfLedger(Ledger& ledger,
                                           absl::string_view account,
                                           absl::TimeZone zone) {
  SpendHistory history;
  LedgerReader reader(zone, history);
  const auto add = [&](const JournalEntry& entry, absl::string_view) {
    if (!account.empty() && entry.command.account != account) {
      ++history.other_records;
      return absl::OkStatus();
    }
    return reader.Add(entry);
  };
  const absl::StatusOr<JournalHead> head = ledger.Head();
  if (!head.ok()) return head.status();
  const absl::Status status = ledger.ForEachEntry(1, head->sequence, add);
  if (!status.ok()) return status;
  return history;
}

}  // namespace konpro

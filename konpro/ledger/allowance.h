// An Allowance is a recurring grant: an amount of credits for each calendar
// period in a time zone, as a pure function of the period's index. account.h
// makes the grants as time passes.
//
//   Allowance monthly = *Allowance::Create(
//       {.source = "subscription-7", .item = "credits",
//        .amount = *Credits::Parse("1000"), .cycle = Cycle::kMonth,
//        .anchor = absl::CivilDay(2027, 1, 31), .zone = "Europe/Berlin",
//        .rollover_max = *Credits::Parse("500")});
//   monthly.Begin(1)           // 2027-02-28T00:00 in Berlin: clamped
//   monthly.Begin(2)           // 2027-03-31T00:00: from the anchor
//   monthly.GrantId(1)         // "subscription-7/credits/1"
//
// Period k is [Begin(k), Begin(k + 1)). Every begin is computed from the
// anchor, never from the one before; a day that a month lacks is its last day.
// A period begins at midnight: at the first of two, and if the zone's clocks
// skip midnight, at the first instant after it. A day that a zone skips
// (Apia, 2011-12-30) is a period of no length, which has no grant. Days have
// 23, 24 or 25 hours, according to the zone.
//
// Rollover: of what is free in a period's grant when it ends, up to
// `rollover_max` is issued again with the next period's grant; in the ended
// grant it counts as expired. What is reserved then is not free.
//
// Thread safety: immutable but for assignment. Functions are pure for one time
// zone database: that of this machine.
//
// Limits: see the constants; anchor 1970-01-01 .. 2261-12-31.
#ifndef KONPRO_LEDGER_ALLOWANCE_H_
#define KONPRO_LEDGER_ALLOWANCE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {

// Never renumbered: journals hold the numbers.
enum class GrantKind : uint8_t { kPaid = 0, kPromotional = 1 };
// "paid", "promotional".
absl::string_view GrantKindName(GrantKind kind);

// A period's length on the calendar. Never renumbered.
enum class Cycle : uint8_t { kDay = 0, kWeek = 1, kMonth = 2, kYear = 3 };
// "day".
absl::string_view CycleName(Cycle cycle);

class Allowance {
 public:
  static constexpr size_t kNameBytesMax = 100;
  static constexpr size_t kZoneBytesMax = 64;
  static constexpr size_t kOperationsMax = 64;
  static constexpr size_t kOperationBytesMax = 48;
  // More than the days in the domain of time: a series without an end.
  static constexpr int64_t kPeriodsMax = 200'000;

  struct Spec {
    // What the allowance comes from, and of what it is: together they name it
    // in an account. Printable ASCII without blanks and "/".
    std::string source;
    std::string item;
    Credits amount;  // above zero
    Cycle cycle = Cycle::kMonth;
    absl::CivilDay anchor;
    // A name of the IANA time zone database.
    std::string zone = "UTC";
    // Of each grant: see GrantCommand.
    int32_t priority = 0;
    std::vector<std::string> operations;
    GrantKind kind = GrantKind::kPaid;
    Credits rollover_max;  // zero or more
    // The number of periods, from the anchor on.
    int64_t periods = kPeriodsMax;

    friend bool operator==(const Spec&, const Spec&) = default;
  };

  // kInvalidArgument: a field is outside its limits, or the zone is not in the
  // database. The message begins with the field's name, such as `zone: `.
  static absl::StatusOr<Allowance> Create(Spec spec);

  const Spec& spec() const { return spec_; }

  // When period `index` begins; Max(): outside the domain of time.
  // REQUIRES: 0 <= index <= kPeriodsMax.
  UnixNanos Begin(int64_t index) const;

  // The last period that contains `time` or begins before it, also beyond the
  // last of the series; nullopt: before the first.
  std::optional<int64_t> IndexAt(UnixNanos time) const;

  // The first index without a period: `periods`, or less if the domain of time
  // ends before.
  int64_t index_end() const { return index_end_; }

  std::string GrantId(int64_t index) const;

  friend bool operator==(const Allowance& a, const Allowance& b) {
    return a.spec_ == b.spec_;
  }

 private:
  Allowance(Spec spec, absl::TimeZone zone);

  absl::CivilDay Day(int64_t index) const;

  Spec spec_;
  absl::TimeZone zone_;
  int64_t index_end_ = 0;
};

}  // namespace konpro

#endif  // KONPRO_LEDGER_ALLOWANCE_H_

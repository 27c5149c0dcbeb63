// An Allowance is a recurring grant: so many credits for each calendar period
// in a time zone, as a pure function of the period's index. account.h makes the
// grants as time passes.
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
// A period begins at midnight: the first of two, and where the zone's clocks
// leave midnight out, the first instant behind. A day that a zone leaves out as
// a whole (Apia, 2011-12-30) is a period of no length, for which there is no
// grant. Days have 23, 24 or 25 hours, as the zone has them.
//
// Rollover: of what is free of a period's grant when it ends, up to
// `rollover_max` is issued again with the next period's grant; the ended grant
// accounts for it as expired. What is reserved then is not free.
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
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {

enum class GrantKind : uint8_t { kPaid, kPromotional };

// A period's length on the calendar.
enum class Cycle : uint8_t { kDay, kWeek, kMonth, kYear };

class Allowance {
 public:
  static constexpr size_t kNameBytesMax = 100;
  static constexpr size_t kZoneBytesMax = 64;
  static constexpr size_t kOperationsMax = 64;
  static constexpr size_t kOperationBytesMax = 48;
  // Above the number of days in the domain of time: a series without an end.
  static constexpr int64_t kPeriodsMax = 200'000;

  struct Spec {
    // Whose allowance it is and of what: together they name it in an account.
    // Printable ASCII but blanks and "/".
    std::string source;
    std::string item;
    Credits amount;  // above zero
    Cycle cycle = Cycle::kMonth;
    absl::CivilDay anchor;
    // A name of the IANA time zone database.
    std::string zone = "UTC";
    // As of every grant: see account.h.
    int32_t priority = 0;
    std::vector<std::string> operations;
    GrantKind kind = GrantKind::kPaid;
    Credits rollover_max;  // zero or more
    // How many there are, from the anchor on.
    int64_t periods = kPeriodsMax;

    friend bool operator==(const Spec&, const Spec&) = default;
  };

  // kInvalidArgument where a field is outside its limits or the zone is not in
  // the database. The message begins with the field's name, such as `zone: `.
  static absl::StatusOr<Allowance> Create(Spec spec);

  const Spec& spec() const { return spec_; }

  // When period `index` begins; Max() where that is outside the domain of time.
  // REQUIRES: 0 <= index <= kPeriodsMax.
  UnixNanos Begin(int64_t index) const;

  // The last period that holds `time` or begins before, whether or not there
  // are so many; nullopt before the first.
  std::optional<int64_t> IndexAt(UnixNanos time) const;

  // The first index without a period: `periods`, or less where time ends.
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

#include "konpro/ledger/allowance.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

constexpr absl::CivilDay kAnchorMin(1970, 1, 1);
constexpr absl::CivilDay kAnchorMax(2261, 12, 31);

// A "/" would make two series share the ids of grants.
bool IsName(absl::string_view name) {
  return internal::IsId(name, Allowance::kNameBytesMax) &&
         name.find('/') == absl::string_view::npos;
}

// What the database has as a file of its own. Abseil would take more: paths,
// "localtime", "libc:...", which depend on the machine.
bool IsZoneName(absl::string_view zone) {
  return !zone.empty() && zone.size() <= Allowance::kZoneBytesMax &&
         absl::ascii_isalpha(static_cast<unsigned char>(zone[0])) &&
         zone != "localtime" &&
         std::all_of(zone.begin(), zone.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '+' || c == '-' ||
                  c == '/';
         });
}

absl::Status NotAName(absl::string_view field, absl::string_view name) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", internal::Quoted(name), " is not 1 to ",
                   Allowance::kNameBytesMax,
                   " bytes of printable ASCII without blanks and \"/\""));
}

absl::Status CheckOperations(const std::vector<std::string>& operations) {
  if (operations.size() > Allowance::kOperationsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "operations[", Allowance::kOperationsMax, "]: a grant has at most ",
        Allowance::kOperationsMax, " operations"));
  }
  for (size_t i = 0; i < operations.size(); ++i) {
    if (!operations[i].empty() &&
        operations[i].size() <= Allowance::kOperationBytesMax) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("operations[", i, "]: ", internal::Quoted(operations[i]),
                     " is not 1 to ", Allowance::kOperationBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status CheckSpec(const Allowance::Spec& spec) {
  if (!IsName(spec.source)) return NotAName("source", spec.source);
  if (!IsName(spec.item)) return NotAName("item", spec.item);
  if (spec.amount <= Credits()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "amount: ", spec.amount.ToString(), " credits are not above zero"));
  }
  if (spec.cycle < Cycle::kDay || spec.cycle > Cycle::kYear) {
    return absl::InvalidArgumentError("cycle: no day, week, month or year");
  }
  if (spec.anchor < kAnchorMin || spec.anchor > kAnchorMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("anchor: ", absl::FormatCivilTime(spec.anchor),
                     " is outside ", absl::FormatCivilTime(kAnchorMin), " .. ",
                     absl::FormatCivilTime(kAnchorMax)));
  }
  if (spec.kind != GrantKind::kPaid && spec.kind != GrantKind::kPromotional) {
    return absl::InvalidArgumentError("kind: neither paid nor promotional");
  }
  if (spec.rollover_max < Credits()) {
    return absl::InvalidArgumentError(
        absl::StrCat("rollover_max: ", spec.rollover_max.ToString(),
                     " credits are below zero"));
  }
  if (spec.periods < 1 || spec.periods > Allowance::kPeriodsMax) {
    return absl::InvalidArgumentError(absl::StrCat("periods: ", spec.periods,
                                                   " is outside 1 .. ",
                                                   Allowance::kPeriodsMax));
  }
  return CheckOperations(spec.operations);
}

// As many months later, or the last day of that month.
absl::CivilDay AddMonths(absl::CivilDay anchor, int64_t months) {
  const absl::CivilMonth month = absl::CivilMonth(anchor) + months;
  const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
  return std::min(absl::CivilDay(month) + (anchor.day() - 1), last);
}

// The periods that civil days count, were every day there.
int64_t PeriodsBetween(Cycle cycle, absl::CivilDay from, absl::CivilDay to) {
  switch (cycle) {
    case Cycle::kDay:
      return to - from;
    case Cycle::kWeek:
      return (to - from) / 7;
    case Cycle::kMonth:
      return absl::CivilMonth(to) - absl::CivilMonth(from);
    case Cycle::kYear:
      return absl::CivilYear(to) - absl::CivilYear(from);
  }
  return 0;
}

}  // namespace

absl::string_view GrantKindName(GrantKind kind) {
  return kind == GrantKind::kPaid ? "paid" : "promotional";
}

absl::string_view CycleName(Cycle cycle) {
  switch (cycle) {
    case Cycle::kDay:
      return "day";
    case Cycle::kWeek:
      return "week";
    case Cycle::kMonth:
      return "month";
    case Cycle::kYear:
      return "year";
  }
  return "";
}

absl::StatusOr<Allowance> Allowance::Create(Spec spec) {
  absl::Status status = CheckSpec(spec);
  if (!status.ok()) return status;
  absl::TimeZone zone;
  if (!IsZoneName(spec.zone) || !absl::LoadTimeZone(spec.zone, &zone)) {
    return absl::InvalidArgumentError(
        absl::StrCat("zone: ", internal::Quoted(spec.zone),
                     " is not in the time zone database"));
  }
  return Allowance(std::move(spec), zone);
}

Allowance::Allowance(Spec spec, absl::TimeZone zone)
    : spec_(std::move(spec)), zone_(zone) {
  // The anchor is within the domain of time, so there is a first period.
  const UnixNanos last_instant =
      UnixNanos::FromNanos(UnixNanos::Max().nanos() - 1);
  index_end_ = std::min(spec_.periods, IndexAt(last_instant).value_or(0) + 1);
}

absl::CivilDay Allowance::Day(int64_t index) const {
  switch (spec_.cycle) {
    case Cycle::kDay:
      return spec_.anchor + index;
    case Cycle::kWeek:
      return spec_.anchor + 7 * index;
    case Cycle::kMonth:
      return AddMonths(spec_.anchor, index);
    case Cycle::kYear:
      return AddMonths(spec_.anchor, 12 * index);
  }
  return spec_.anchor;
}

UnixNanos Allowance::Begin(int64_t index) const {
  const absl::TimeZone::TimeInfo midnight =
      zone_.At(absl::CivilSecond(Day(index)));
  // Skipped: `trans` is the instant at which the clocks jump over it. Repeated:
  // `pre` is the first of two.
  return UnixNanos::FromTime(midnight.kind == absl::TimeZone::TimeInfo::SKIPPED
                                 ? midnight.trans
                                 : midnight.pre);
}

std::optional<int64_t> Allowance::IndexAt(UnixNanos time) const {
  // Within one of it: the clamping of days, and days that were left out, move a
  // begin by no more than a period.
  const int64_t near = PeriodsBetween(
      spec_.cycle, spec_.anchor, absl::CivilDay(zone_.At(time.ToTime()).cs));
  int64_t index = std::clamp<int64_t>(near, 0, kPeriodsMax - 1);
  while (index < kPeriodsMax - 1 && Begin(index + 1) <= time) ++index;
  while (index >= 0 && Begin(index) > time) --index;
  if (index < 0) return std::nullopt;
  return index;
}

std::string Allowance::GrantId(int64_t index) const {
  return absl::StrCat(spec_.source, "/", spec_.item, "/", index);
}

}  // namespace konpro

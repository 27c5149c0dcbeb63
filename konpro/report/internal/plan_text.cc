#include "konpro/report/internal/plan_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "konpro/catalog/operation.h"

namespace konpro {
namespace {

// In whole seconds, never earlier than `rfc3339`.
std::string ToSecondsUp(const std::string& rfc3339) {
  absl::Time time;
  absl::ParseTime(absl::RFC3339_full, rfc3339, &time, nullptr);
  const absl::Time second =
      absl::UnixEpoch() +
      absl::Ceil(time - absl::UnixEpoch(), absl::Seconds(1));
  return absl::FormatTime("%E4Y-%m-%d %H:%M:%S", second, absl::UTCTimeZone());
}

std::string MoneyText(const v1::Money& money) {
  return absl::StrCat(money.amount(), " ", money.currency());
}

template <typename Limits>
std::string LimitsText(const Limits& limits) {
  return absl::StrJoin(
      limits, ", ", [](std::string* out, const v1::WindowLimit& limit) {
        absl::StrAppend(out, limit.limit(), " per ", limit.window());
      });
}

template <typename Reports>
bool AnyTotalDiffers(const Reports& reports) {
  return std::any_of(
      reports.begin(), reports.end(), [&](const v1::Estimate& report) {
        return report.total().ticks() != reports.begin()->total().ticks();
      });
}

}  // namespace

std::string DurationText(double seconds) {
  if (std::isinf(seconds)) return "never";
  return FormatQuantity(static_cast<int64_t>(std::ceil(seconds)) * 1'000,
                        QuantityUnit::kMilliseconds);
}

ReportTable EstimatePlansTable(absl::Span<const v1::Estimate> reports) {
  const auto any = [&](auto&& has) {
    return std::any_of(reports.begin(), reports.end(), has);
  };
  const bool expiring =
      any([](const v1::Estimate& report) { return report.has_expiring(); });
  const bool credits = TotalsDiffer(reports);
  const bool money =
      any([](const v1::Estimate& report) { return report.has_money(); });
  std::vector<ReportTable::Column> columns = {
      {"plan"}, {"allowed"}, {"last request (UTC)"}, {"waits for"}};
  if (credits) columns.push_back({"credits", ColumnAlign::kRight});
  if (expiring) columns.push_back({"short", ColumnAlign::kRight});
  if (money) columns.push_back({"money", ColumnAlign::kRight});
  ReportTable table(columns);
  for (const v1::Estimate& report : reports) {
    const v1::RequestSchedule& schedule = report.schedule();
    std::vector<std::string> row = {report.plan(),
                                    report.allowed() ? "yes" : "no"};
    row.push_back(!report.allowed()         ? "-"
                  : !report.has_schedule()  ? "limits not known"
                  : schedule.last().empty() ? "never"
                                            : ToSecondsUp(schedule.last()));
    row.push_back(
        schedule.binding_window().empty() ? "-" : schedule.binding_window());
    if (credits) row.push_back(report.total().credits());
    if (expiring) {
      row.push_back(report.has_expiring() ? report.shortfall().credits() : "-");
    }
    if (money) {
      row.push_back(report.has_money() ? MoneyText(report.money()) : "-");
    }
    table.AddRow(row);
  }
  return table;
}

std::string DeadlineText(const v1::Estimate& report) {
  const v1::Deadline& deadline = report.deadline();
  std::vector<std::string> changes;
  if (std::isinf(deadline.late_seconds())) {
    changes.push_back("it is never done");
  } else if (deadline.late_seconds() > 0) {
    changes.push_back(
        absl::StrCat("late by ", DurationText(deadline.late_seconds())));
  }
  if (!deadline.needed_limits().empty()) {
    changes.push_back(
        absl::StrCat("needs limits of ", LimitsText(deadline.needed_limits())));
  }
  if (!deadline.met_by().empty()) {
    changes.push_back(
        absl::StrCat("met by ", absl::StrJoin(deadline.met_by(), ", ")));
  }
  return absl::StrJoin(changes, "; ");
}

std::string DeadlineVerdict(const v1::Estimate& report) {
  const v1::Deadline& deadline = report.deadline();
  if (deadline.met()) return absl::StrCat(report.plan(), " meets the deadline");
  const std::string changes = DeadlineText(report);
  if (!deadline.limits_not_known()) {
    return absl::StrCat(report.plan(), " misses the deadline: ", changes);
  }
  return absl::StrCat(report.plan(), ": limits not known",
                      changes.empty() ? "" : "; the deadline ", changes);
}

bool TotalsDiffer(absl::Span<const v1::Estimate> reports) {
  return AnyTotalDiffers(reports);
}
bool TotalsDiffer(const v1::Estimates& estimates) {
  return AnyTotalDiffers(estimates.plans());
}

std::string PricePeriodsText(const v1::Estimate& report) {
  std::vector<std::string> texts;
  for (const v1::PricePeriod& period : report.price_periods()) {
    texts.push_back(absl::StrCat(
        period.requests(),
        texts.empty() ? " requests go out at prices " : " at prices ",
        period.price_version(), " (", period.cost().credits(), " credits)"));
  }
  return absl::StrCat(report.plan(), ": ", absl::StrJoin(texts, ", "));
}

std::vector<std::string> PlanFacts(const v1::Estimate& report) {
  std::vector<std::string> facts;
  if (!report.price_periods().empty()) {
    facts.push_back(PricePeriodsText(report));
  }
  if (!report.refused_operations().empty()) {
    facts.push_back(absl::StrCat(
        report.plan(),
        " does not allow: ", absl::StrJoin(report.refused_operations(), ", ")));
  }
  if (report.has_expiring() && report.expiring().ticks() > 0) {
    facts.push_back(absl::StrCat(report.plan(), ": ",
                                 report.expiring().credits(),
                                 " credits expire before they are used"));
  }
  if (report.has_deadline() && report.allowed()) {
    facts.push_back(DeadlineVerdict(report));
  }
  return facts;
}

}  // namespace konpro

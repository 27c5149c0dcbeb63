#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/internal/percent_text.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

constexpr int kWorstLines = 10;

struct Comparison {
  std::string operation;
  Credits estimated;
  Credits actual;

  // Costs are not negative: their difference is in range, and so is its size.
  Credits Error() const { return *CheckedSubtract(estimated, actual); }
  Credits AbsoluteError() const {
    return std::max(Error(), *CheckedSubtract(actual, estimated));
  }
};

// Of every operation that either has, the worst first.
std::vector<Comparison> Compare(const SavedReport& estimate,
                                const SavedReport& actual) {
  std::vector<Comparison> lines;
  for (const SavedLine& line : estimate.lines) {
    const SavedLine* other = actual.Find(line.operation);
    lines.push_back({line.operation, line.cost,
                     other == nullptr ? Credits() : other->cost});
  }
  for (const SavedLine& line : actual.lines) {
    if (estimate.Find(line.operation) == nullptr) {
      lines.push_back({line.operation, Credits(), line.cost});
    }
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Comparison& a, const Comparison& b) {
                     return a.AbsoluteError() > b.AbsoluteError();
                   });
  return lines;
}

v1::AccuracyLine ToReport(const Comparison& line) {
  v1::AccuracyLine report;
  report.set_operation(line.operation);
  *report.mutable_estimated() = ToAmount(line.estimated);
  *report.mutable_actual() = ToAmount(line.actual);
  *report.mutable_error() = ToAmount(line.Error());
  const auto hundredths = PercentHundredths(line.Error(), line.actual);
  if (hundredths.has_value()) {
    report.set_percent(static_cast<double>(*hundredths) / 100);
  }
  return report;
}

void AddWorstLines(const std::vector<Comparison>& lines,
                   const Comparison& total, v1::AccuracyReport& report) {
  std::vector<v1::Amount*> estimated, actual, errors;
  for (const Comparison& line : lines) {
    v1::AccuracyLine& added = *report.add_worst_lines();
    added = ToReport(line);
    estimated.push_back(added.mutable_estimated());
    actual.push_back(added.mutable_actual());
    errors.push_back(added.mutable_error());
  }
  ShareOut(estimated, total.estimated);
  ShareOut(actual, total.actual);
  ShareOut(errors, total.Error());
  if (report.worst_lines_size() <= kWorstLines) return;
  report.mutable_worst_lines()->DeleteSubrange(
      kWorstLines, report.worst_lines_size() - kWorstLines);
}

void SetPercentages(const Comparison& total, Credits absolute,
                    v1::AccuracyReport& report) {
  const auto weighted = PercentHundredths(absolute, total.actual);
  if (weighted.has_value()) {
    report.set_weighted_error_percent(static_cast<double>(*weighted) / 100);
  }
  const auto bias = PercentHundredths(total.Error(), total.actual);
  if (bias.has_value()) {
    report.set_bias_percent(static_cast<double>(*bias) / 100);
  }
}

std::vector<std::string> Row(const v1::AccuracyLine& line) {
  const auto hundredths =
      PercentHundredths(Credits::FromTicks(line.error().ticks()),
                        Credits::FromTicks(line.actual().ticks()));
  return {line.operation(), line.estimated().credits(), line.actual().credits(),
          SignedText(line.error()), SignedPercentText(hundredths)};
}

}  // namespace

absl::StatusOr<v1::AccuracyReport> ToAccuracyReport(
    const SavedReport& estimate, const SavedReport& actual,
    const std::optional<Percent>& max_error) {
  const std::vector<Comparison> lines = Compare(estimate, actual);
  const Comparison total = {"total", estimate.total, actual.total};
  Credits absolute;
  for (const Comparison& line : lines) {
    const std::optional<Credits> sum =
        CheckedAdd(absolute, line.AbsoluteError());
    if (!sum.has_value()) {
      return absl::OutOfRangeError(
          "the sum of errors leaves the range of credits");
    }
    absolute = *sum;
  }
  v1::AccuracyReport report;
  report.set_estimate_catalog_version(estimate.catalog_version);
  report.set_actual_catalog_version(actual.catalog_version);
  AddWorstLines(lines, total, report);
  report.set_lines(static_cast<int32_t>(lines.size()));
  *report.mutable_total() = ToReport(total);
  *report.mutable_absolute_error() = ToAmount(absolute);
  SetPercentages(total, absolute, report);
  if (estimate.catalog_version != actual.catalog_version) {
    report.add_notes(absl::StrCat("estimated with catalog ",
                                  estimate.catalog_version, ", billed with ",
                                  actual.catalog_version));
  }
  if (report.lines() > kWorstLines) {
    report.add_notes(absl::StrCat("the ", kWorstLines, " worst of ",
                                  lines.size(), " operations are shown"));
  }
  // More than any amount allows any error; any error of nothing is too much.
  const Credits allowed =
      max_error.has_value()
          ? max_error->Of(actual.total).value_or(Credits::Max())
          : Credits::Max();
  if (max_error.has_value()) report.set_max_error(max_error->ToString());
  report.set_within_max_error(absolute <= allowed);
  return report;
}

void PrintAccuracyText(const v1::AccuracyReport& report, std::ostream& out) {
  ReportTable table({{"operation"},
                     {"estimated", ColumnAlign::kRight},
                     {"actual", ColumnAlign::kRight},
                     {"error", ColumnAlign::kRight},
                     {"percent", ColumnAlign::kRight}});
  for (const v1::AccuracyLine& line : report.worst_lines()) {
    table.AddRow(Row(line));
  }
  table.AddTotal(Row(report.total()));
  table.PrintText(out);
  out << "\n";
  const Credits actual = Credits::FromTicks(report.total().actual().ticks());
  const auto hundredths = [&](const v1::Amount& amount) {
    return PercentHundredths(Credits::FromTicks(amount.ticks()), actual);
  };
  out << "weighted error: " << PercentText(hundredths(report.absolute_error()))
      << " (" << report.absolute_error().credits() << " of "
      << report.total().actual().credits() << " credits)\n"
      << "bias: " << SignedPercentText(hundredths(report.total().error()))
      << "\n";
  if (!report.max_error().empty()) {
    out << "allowed: " << report.max_error() << "\n";
  }
  for (const std::string& note : report.notes())
    out << "note: " << note << "\n";
}

}  // namespace konpro

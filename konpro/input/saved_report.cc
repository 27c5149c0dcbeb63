#include "konpro/input/saved_report.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/base/internal/name.h"
#include "konpro/input/input_file.h"
#include "konpro/input/json_message.h"
#include "proto/report.pb.h"

namespace konpro {
namespace {

using ::google::protobuf::RepeatedPtrField;

// Adds `lines`, which come to `total`, to those of `report`.
absl::Status AddLines(const RepeatedPtrField<v1::ReportLine>& lines,
                      const v1::Amount& total, SavedReport& report) {
  Credits sum;
  for (const v1::ReportLine& line : lines) {
    const std::string name = internal::Quoted(line.operation());
    if (!line.has_cost()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " has no price: what it costs is not known"));
    }
    const Credits cost = Credits::FromTicks(line.cost().ticks());
    if (cost < Credits() || line.jobs() < 0 || line.quantity() < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " has a number below zero"));
    }
    const std::optional<Credits> new_sum = CheckedAdd(sum, cost);
    auto found = std::find_if(report.lines.begin(), report.lines.end(),
                              [&](const SavedLine& other) {
                                return other.operation == line.operation();
                              });
    if (found == report.lines.end()) {
      report.lines.push_back({line.operation(), 0, 0, line.unit(), Credits()});
      found = report.lines.end() - 1;
    }
    const std::optional<Credits> line_cost = CheckedAdd(found->cost, cost);
    if (!new_sum.has_value() || !line_cost.has_value() ||
        __builtin_add_overflow(found->jobs, line.jobs(), &found->jobs) ||
        __builtin_add_overflow(report.jobs, line.jobs(), &report.jobs) ||
        __builtin_add_overflow(found->quantity, line.quantity(),
                               &found->quantity)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": a sum leaves the range of 64 bits"));
    }
    found->cost = *line_cost;
    sum = *new_sum;
  }
  if (sum.ticks() != total.ticks()) {
    return absl::InvalidArgumentError(absl::StrCat("lines of ", sum.ticks(),
                                                   " ticks under a total of ",
                                                   total.ticks(), " ticks"));
  }
  return absl::OkStatus();
}

absl::StatusOr<SavedReport> FromEstimate(const v1::Estimate& estimate) {
  SavedReport report;
  report.catalog_version = estimate.catalog_version();
  if (!estimate.has_total()) {
    return absl::InvalidArgumentError("an estimate without a total");
  }
  for (int i = 0; i < estimate.lines_size(); ++i) {
    for (int k = 0; k < i; ++k) {
      if (estimate.lines(i).operation() != estimate.lines(k).operation()) {
        continue;
      }
      return absl::InvalidArgumentError(absl::StrCat(
          internal::Quoted(estimate.lines(i).operation()), " is there twice"));
    }
  }
  const absl::Status status =
      AddLines(estimate.lines(), estimate.total(), report);
  if (!status.ok()) return status;
  report.total = Credits::FromTicks(estimate.total().ticks());
  return report;
}

// A report that cannot be read, and its place.
struct ReadError {
  JsonError json;
  absl::string_view what;
};

// An estimate for all plans, or for one. Of what is neither, the error
// later in the text says more.
std::optional<ReadError> ReadEstimates(const std::string& text,
                                       v1::Estimates& estimates) {
  const std::optional<JsonError> error = ReadJsonMessage(text, estimates);
  if (!error.has_value()) return std::nullopt;
  estimates.Clear();
  std::optional<JsonError> single =
      ReadJsonMessage(text, *estimates.add_plans());
  if (!single.has_value()) return std::nullopt;
  const auto place = [](const JsonError& e) {
    return std::pair(e.line, e.column);
  };
  return ReadError{place(*error) > place(*single) ? *error : *single,
                   "not a saved estimate: "};
}

std::vector<absl::string_view> PlansOf(const v1::Estimates& estimates) {
  std::vector<absl::string_view> plans;
  for (const v1::Estimate& estimate : estimates.plans()) {
    plans.push_back(estimate.plan());
  }
  return plans;
}

// The one whose costs are meant. `plan` may be "".
absl::StatusOr<const v1::Estimate*> FindEstimate(const v1::Estimates& estimates,
                                                 absl::string_view plan) {
  if (estimates.plans().empty()) {
    return absl::InvalidArgumentError("not a saved estimate: it is empty");
  }
  const std::vector<absl::string_view> plans = PlansOf(estimates);
  if (!plan.empty()) {
    const auto found = std::find(plans.begin(), plans.end(), plan);
    if (found != plans.end()) {
      return &estimates.plans(static_cast<int>(found - plans.begin()));
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "no estimate of plan ", internal::Quoted(plan),
        plans.front().empty() ? ": it is of no plan"
                              : internal::Suggestion(plan, plans)));
  }
  const v1::Estimate& first = estimates.plans(0);
  for (const v1::Estimate& estimate : estimates.plans()) {
    if (estimate.total().ticks() == first.total().ticks()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "plans ", first.plan(), " and ", estimate.plan(),
        " cost different amounts, for prices change while requests wait: name "
        "one by --plan (",
        absl::StrJoin(plans, ", "), ")"));
  }
  return &first;
}

absl::StatusOr<SavedReport> FromEstimates(const v1::Estimates& estimates,
                                          absl::string_view plan) {
  const absl::StatusOr<const v1::Estimate*> chosen =
      FindEstimate(estimates, plan);
  if (!chosen.ok()) return chosen.status();
  absl::StatusOr<SavedReport> report = FromEstimate(**chosen);
  if (!report.ok()) return report.status();
  for (const v1::Estimate& estimate : estimates.plans()) {
    if (estimate.plan().empty()) continue;
    if (!plan.empty() && estimate.plan() != plan) continue;
    report->refused_by_plan[estimate.plan()].assign(
        estimate.refused_operations().begin(),
        estimate.refused_operations().end());
  }
  return report;
}

std::optional<ReadError> ReadUsage(const std::string& text,
                                   v1::UsageReport& usage) {
  std::optional<JsonError> error = ReadJsonMessage(text, usage);
  if (!error.has_value()) return std::nullopt;
  return ReadError{*std::move(error), "no saved report of konpro price: "};
}

absl::StatusOr<SavedReport> FromUsage(const v1::UsageReport& usage) {
  if (!usage.has_total()) {
    return absl::InvalidArgumentError(
        "no saved report of konpro price: it has no total");
  }
  SavedReport report;
  report.catalog_version = usage.catalog_version();
  for (const v1::AccountUsage& account : usage.accounts()) {
    const absl::Status status =
        AddLines(account.lines(), account.total(), report);
    if (!status.ok()) return status;
  }
  for (const SavedLine& line : report.lines) {
    const std::optional<Credits> sum = CheckedAdd(report.total, line.cost);
    if (!sum.has_value()) {
      return absl::InvalidArgumentError(
          "the total leaves the range of credits");
    }
    report.total = *sum;
  }
  if (report.total.ticks() != usage.total().ticks()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "accounts of ", report.total.ticks(), " ticks under a total of ",
        usage.total().ticks(), " ticks"));
  }
  return report;
}

template <typename Message>
absl::StatusOr<SavedReport> ReadReport(
    const std::string& path, std::istream& in,
    std::optional<ReadError> (*read)(const std::string&, Message&),
    absl::FunctionRef<absl::StatusOr<SavedReport>(const Message&)> convert) {
  const absl::StatusOr<std::string> text =
      ReadWholeInput(path, in, kSavedReportBytesMax);
  const auto error = [&](const absl::Status& status) {
    return absl::Status(status.code(),
                        absl::StrCat(path, ": ", status.message()));
  };
  if (!text.ok()) return error(text.status());
  Message message;
  if (const std::optional<ReadError> bad = read(*text, message)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", bad->json.line,
                                                   ":", bad->json.column, ": ",
                                                   bad->what, bad->json.what));
  }
  absl::StatusOr<SavedReport> report = convert(message);
  if (!report.ok()) return error(report.status());
  return report;
}

}  // namespace

absl::StatusOr<SavedReport> ReadEstimate(const std::string& path,
                                         std::istream& in,
                                         absl::string_view plan) {
  const auto convert = [&](const v1::Estimates& estimates) {
    return FromEstimates(estimates, plan);
  };
  return ReadReport<v1::Estimates>(path, in, ReadEstimates, convert);
}

absl::StatusOr<SavedReport> ReadUsageReport(const std::string& path,
                                            std::istream& in) {
  return ReadReport<v1::UsageReport>(path, in, ReadUsage, FromUsage);
}

}  // namespace konpro

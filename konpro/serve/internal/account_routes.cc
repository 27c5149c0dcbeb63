// What a customer sees of his account, and what jobs would cost him.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/account_message.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/request_body.h"
#include "proto/account.pb.h"
#include "proto/api.pb.h"
#include "proto/report.pb.h"

namespace konpro::internal {
namespace {

// kInvalidArgument, kResourceExhausted or kOutOfRange.
absl::Status AddJobs(const v1::EstimateRequest& request, const Catalog& catalog,
                     Estimator& estimator) {
  if (request.jobs_size() > kEstimateJobsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("jobs: at most ", kEstimateJobsMax));
  }
  for (int i = 0; i < request.jobs_size(); ++i) {
    const v1::EstimateRequest::Job& job = request.jobs(i);
    const std::string place = absl::StrCat("jobs[", i, "].");
    const Operation* operation = catalog.FindOperation(job.operation());
    if (operation == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          place,
          "operation: ", catalog.UnknownOperation(job.operation()).message()));
    }
    const int64_t jobs = job.has_jobs() ? job.jobs() : 1;
    if (jobs < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, "jobs: is negative"));
    }
    if (!job.has_quantity()) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, "quantity: is missing"));
    }
    const absl::StatusOr<int64_t> quantity =
        BaseUnitsOf(job.quantity(), *operation);
    if (!quantity.ok()) {
      return absl::Status(quantity.status().code(),
                          absl::StrCat(place, quantity.status().message()));
    }
    const absl::Status added = estimator.Add(
        {.operation = operation, .quantity = *quantity, .jobs = jobs});
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

v1::Estimate ToReport(const Estimator& estimator, const Catalog& catalog,
                      const Plan& plan) {
  v1::Estimate report;
  report.set_catalog_version(catalog.version());
  report.set_plan(plan.name());
  const std::vector<EstimateLine> lines = estimator.Lines();
  *report.mutable_lines() =
      ToReportLines(lines, Show(estimator.total()), /*explain=*/false,
                    estimator.prices_since());
  *report.mutable_total() = ToAmount(estimator.total());
  report.set_requests(estimator.requests());
  for (const Operation* refused : estimator.RefusedBy(plan)) {
    report.add_refused_operations(refused->name);
  }
  report.set_allowed(report.refused_operations_size() == 0);
  for (const EstimateLine& line : lines) {
    if (line.price == nullptr) {
      report.add_unpriced_operations(line.operation->name);
    }
  }
  return report;
}

HttpAnswer Estimate(const ApiParts& api, const ApiCall& call) {
  v1::EstimateRequest body;
  const absl::Status read = ReadBody(call.request.body, body);
  if (!read.ok()) return AnswerOf(read);
  const Catalog& catalog = api.admission.catalog();
  Estimator estimator(catalog, call.now.ToTime());
  const absl::Status added = AddJobs(body, catalog, estimator);
  if (!added.ok()) return AnswerOf(added);
  const auto view = api.admission.Describe(call.who.account_id(), call.now);
  if (!view.ok()) return AnswerOf(view.status());
  v1::Estimate report = ToReport(estimator, catalog, *view->plan);
  const Credits available = view->balance.value_or(Balance{}).available;
  *report.mutable_available() = ToAmount(available);
  if (const auto lacks = Shortfall(estimator.total(), available)) {
    *report.mutable_shortfall() = ToAmount(*lacks);
  }
  return JsonAnswer(report);
}

HttpAnswer Account(const ApiParts& api, const ApiCall& call) {
  const absl::string_view id = call.who.account_id();
  const auto view = api.admission.Describe(id, call.now);
  if (!view.ok()) return AnswerOf(view.status());
  v1::Account account = ToMessage(*view, api.keys.List(id), call.now.ToTime());
  AddUse(*view, account);
  HttpAnswer answer = JsonAnswer(account);
  if (view->limits.has_value() && !view->windows.empty()) {
    for (HttpField& field : RateLimitFields(*view->limits)) {
      answer.fields.push_back(std::move(field));
    }
  }
  return answer;
}

}  // namespace

absl::Span<const Route> AccountRoutes() {
  static constexpr Route kRoutes[] = {
      {"GET", "/v1/account", kOwnAccount, kRead, &Account},
      {"POST", "/v1/estimate", kOwnAccount, kRead, &Estimate},
  };
  return kRoutes;
}

}  // namespace konpro::internal

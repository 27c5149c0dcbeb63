#include "konpro/serve/api.h"

#include <cstdint>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "konpro/base/internal/json.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/estimator.h"
#include "konpro/input/json_message.h"
#include "konpro/report/account_message.h"
#include "konpro/report/report_message.h"
#include "proto/account.pb.h"
#include "proto/api.pb.h"
#include "proto/report.pb.h"

namespace konpro {
namespace {

constexpr absl::string_view kIdHeader = "idempotency-key";
constexpr absl::string_view kOperationHeader = "x-konpro-operation";
constexpr absl::string_view kQuantityHeader = "x-konpro-quantity";
constexpr absl::string_view kOriginalUriHeader = "x-original-uri";
constexpr absl::string_view kOpenJobHeader = "x-konpro-open-job";
constexpr absl::string_view kOpenJobReplay = "replay";
constexpr size_t kInstanceBytesMax = 1'024;

// The first field of that name, or "". If a field that is read here is
// repeated, nothing else reads the others.
absl::string_view FieldOf(const HttpRequest& request, absl::string_view name) {
  for (const HttpHeader& header : request.headers) {
    if (absl::EqualsIgnoreCase(header.name, name)) {
      return header.value;
    }
  }
  return absl::string_view();
}

HttpAnswer TextAnswer(std::string text, absl::string_view type) {
  return {.status = 200,
          .fields = {{"Content-Type", std::string(type)}},
          .body = std::move(text)};
}

HttpAnswer JsonAnswer(const google::protobuf::Message& message) {
  std::ostringstream out;
  PrintJson(message, out);
  return TextAnswer(out.str(), "application/json");
}

HttpAnswer Malformed(absl::string_view detail) {
  return AnswerOf(absl::InvalidArgumentError(detail));
}

HttpAnswer NoSuchPath() {
  return AnswerOf(absl::NotFoundError("no resource has this path"));
}

// RFC 9110, 15.5.6.
HttpAnswer OnlyMethod(absl::string_view method) {
  HttpAnswer answer = AnswerOf(absl::UnimplementedError(
      absl::StrCat("the method of this path is ", method)));
  answer.fields.push_back({"Allow", std::string(method)});
  return answer;
}

// Parses the body into `message`, or returns the refusal. An unknown member is
// refused: ignoring it could surprise its writer.
std::optional<HttpAnswer> ParseBody(absl::string_view body,
                                    google::protobuf::Message& message) {
  if (body.size() > kApiBodyBytesMax) {
    return AnswerOf(absl::ResourceExhaustedError(
        absl::StrCat("a body has at most ", kApiBodyBytesMax, " bytes")));
  }
  const std::optional<JsonError> error = ReadJsonMessage(body, message);
  if (!error.has_value()) return std::nullopt;
  return Malformed(absl::StrCat(
      "the body is not the JSON object that this path takes: ", error->line,
      ":", error->column, ": ", error->what));
}

HttpAnswer Unauthenticated(const Authentication& who) {
  AdmissionResult refused(who);
  refused.reason = AdmissionReason::kUnauthenticated;
  return AnswerOf(refused);
}

// `answer` in the form that auth_request can carry (api.h).
HttpAnswer ForAuthRequest(HttpAnswer answer, absl::string_view original_uri) {
  if (answer.status == 200) {
    answer.fields.push_back({"X-Konpro-Status", "200"});
    return answer;
  }
  const absl::string_view path = original_uri.substr(0, original_uri.find('?'));
  if (!path.empty() && path.size() <= kInstanceBytesMax) {
    answer.body.pop_back();  // the object's "}"
    answer.body += ",\"instance\":";
    internal::AppendJsonString(path, answer.body);
    answer.body += '}';
  }
  answer.fields.push_back({"X-Konpro-Status", absl::StrCat(answer.status)});
  answer.fields.push_back({"X-Konpro-Problem", answer.body});
  if (answer.status != 401) answer.status = 403;
  return answer;
}

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
    if (!job.has_quantity() || job.quantity() < 0 || jobs < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          place, "quantity: is required; quantity and jobs are zero or more"));
    }
    const absl::Status added = estimator.Add(
        {.operation = operation, .quantity = job.quantity(), .jobs = jobs});
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

}  // namespace

HttpAnswer Api::Answer(const HttpRequest& request, UnixNanos now) {
  HttpAnswer answer = Route(request, now);
  // Answers about accounts must not be cached (RFC 9111, 5.2.2.5).
  answer.fields.push_back({"Cache-Control", "no-store"});
  parts_.metrics.CountAnswer(answer.status);
  return answer;
}

HttpAnswer Api::Route(const HttpRequest& request, UnixNanos now) {
  struct Endpoint {
    absl::string_view method;
    absl::string_view path;
    HttpAnswer (Api::*answer)(const HttpRequest&, UnixNanos);
  };
  static constexpr Endpoint kEndpoints[] = {
      {"GET", "/v1/admit", &Api::Admit},
      {"POST", "/v1/estimate", &Api::Estimate},
      {"POST", "/v1/jobs", &Api::Reserve},
      {"GET", "/v1/account", &Api::Account},
      {"GET", "/metrics", &Api::Metrics},
      {"GET", "/healthz", &Api::Health},
  };
  for (const Endpoint& endpoint : kEndpoints) {
    if (request.path != endpoint.path) continue;
    if (request.method != endpoint.method) return OnlyMethod(endpoint.method);
    return (this->*endpoint.answer)(request, now);
  }
  return RouteJob(request, now);
}

// An id may contain slashes.
HttpAnswer Api::RouteJob(const HttpRequest& request, UnixNanos now) {
  absl::string_view id = request.path;
  if (!absl::ConsumePrefix(&id, "/v1/jobs/")) return NoSuchPath();
  const bool completes = absl::ConsumeSuffix(&id, "/complete");
  if (!completes && !absl::ConsumeSuffix(&id, "/cancel")) return NoSuchPath();
  if (request.method != "POST") return OnlyMethod("POST");
  return completes ? Complete(request, id, now) : Cancel(request, id, now);
}

HttpAnswer Api::Admit(const HttpRequest& request, UnixNanos now) {
  const absl::string_view uri = FieldOf(request, kOriginalUriHeader);
  AdmissionRequest asked{.key = ApiKeyFromHeaders(request.headers),
                         .operation = FieldOf(request, kOperationHeader)};
  if (!asked.operation.empty()) {
    asked.id = FieldOf(request, kIdHeader);
    // A second 200 would run the job a second time, unless the route says that
    // the API behind it reads kReplayedHeader.
    if (FieldOf(request, kOpenJobHeader) != kOpenJobReplay) {
      asked.open_job = OpenJobReplay::kRefuse;
    }
    if (!absl::SimpleAtoi(FieldOf(request, kQuantityHeader), &asked.quantity)) {
      asked.quantity = -1;  // admission refuses it as malformed
    }
  }
  const AdmissionResult admission = parts_.admission.Admit(asked, now);
  HttpAnswer answer = ForAuthRequest(AnswerOf(admission), uri);
  if (!admission.ok()) return answer;
  answer.fields.push_back(
      {"X-Konpro-Account", std::string(admission.account())});
  if (!admission.reservation.empty()) {
    answer.fields.push_back({"X-Konpro-Reservation", admission.reservation});
  }
  return answer;
}

HttpAnswer Api::Estimate(const HttpRequest& request, UnixNanos now) {
  const AdmissionResult admission =
      parts_.admission.Admit({.key = ApiKeyFromHeaders(request.headers)}, now);
  if (!admission.ok()) return AnswerOf(admission);
  v1::EstimateRequest body;
  if (auto refusal = ParseBody(request.body, body)) return *refusal;
  const Catalog& catalog = parts_.admission.catalog();
  Estimator estimator(catalog, now.ToTime());
  const absl::Status added = AddJobs(body, catalog, estimator);
  if (!added.ok()) return AnswerOf(added);
  const auto view = parts_.admission.Describe(admission.account(), now);
  if (!view.ok()) return AnswerOf(view.status());
  v1::Estimate report = ToReport(estimator, catalog, *view->plan);
  const Credits available = view->balance.value_or(Balance{}).available;
  *report.mutable_available() = ToAmount(available);
  if (const auto lacks = Shortfall(estimator.total(), available)) {
    *report.mutable_shortfall() = ToAmount(*lacks);
  }
  return JsonAnswer(report);
}

HttpAnswer Api::Reserve(const HttpRequest& request, UnixNanos now) {
  v1::ReserveRequest body;
  const std::optional<HttpAnswer> refusal = ParseBody(request.body, body);
  const Authentication who = Authenticate(request, now);
  // An unauthenticated caller learns nothing about the body.
  if (!who.ok()) return Unauthenticated(who);
  if (refusal.has_value()) return *refusal;
  if (body.operation().empty() || !body.has_quantity()) {
    return Malformed("operation and quantity are required");
  }
  return AnswerOf(parts_.admission.Admit(
      {.key = ApiKeyFromHeaders(request.headers),
       .operation = body.operation(),
       .quantity = body.quantity(),
       .id = FieldOf(request, kIdHeader),
       .job = body.job(),
       .overrun = body.top_up() ? Overrun::kTopUp : Overrun::kReject},
      now));
}

HttpAnswer Api::Complete(const HttpRequest& request, absl::string_view id,
                         UnixNanos now) {
  v1::CompleteJobRequest body;
  const std::optional<HttpAnswer> malformed = ParseBody(request.body, body);
  std::string owner;
  if (auto refusal = FindOwner(request, body.account(), now, owner)) {
    return *refusal;
  }
  if (malformed.has_value()) return *malformed;
  if (!body.has_quantity()) return Malformed("quantity is required");
  const auto settled = parts_.admission.Complete(
      {.account = owner, .reservation = id, .quantity = body.quantity()}, now);
  return settled.ok() ? AnswerOf(*settled) : AnswerOf(settled.status());
}

HttpAnswer Api::Cancel(const HttpRequest& request, absl::string_view id,
                       UnixNanos now) {
  v1::CancelJobRequest body;
  std::optional<HttpAnswer> malformed;
  if (!request.body.empty()) malformed = ParseBody(request.body, body);
  std::string owner;
  if (auto refusal = FindOwner(request, body.account(), now, owner)) {
    return *refusal;
  }
  if (malformed.has_value()) return *malformed;
  const auto settled =
      parts_.admission.Cancel({.account = owner, .reservation = id}, now);
  return settled.ok() ? AnswerOf(*settled) : AnswerOf(settled.status());
}

HttpAnswer Api::Account(const HttpRequest& request, UnixNanos now) {
  const Authentication who = Authenticate(request, now);
  if (!who.ok()) return Unauthenticated(who);
  const auto view = parts_.admission.Describe(who.account_id(), now);
  if (!view.ok()) return AnswerOf(view.status());
  v1::Account account =
      ToMessage(*view, parts_.keys.List(who.account_id()), now.ToTime());
  AddUse(*view, account);
  HttpAnswer answer = JsonAnswer(account);
  if (view->limits.has_value() && !view->windows.empty()) {
    for (HttpField& field : RateLimitFields(*view->limits)) {
      answer.fields.push_back(std::move(field));
    }
  }
  return answer;
}

HttpAnswer Api::Metrics(const HttpRequest&, UnixNanos) {
  return TextAnswer(parts_.metrics.Text(), "text/plain; version=0.0.4");
}

HttpAnswer Api::Health(const HttpRequest&, UnixNanos) {
  const std::string reason =
      parts_.not_ready == nullptr ? "" : parts_.not_ready();
  if (reason.empty()) return TextAnswer("ok\n", "text/plain");
  HttpAnswer answer = TextAnswer(reason + "\n", "text/plain");
  answer.status = 503;
  return answer;
}

Authentication Api::Authenticate(const HttpRequest& request,
                                 UnixNanos now) const {
  return parts_.keys.Authenticate(ApiKeyFromHeaders(request.headers), now);
}

std::optional<HttpAnswer> Api::FindOwner(const HttpRequest& request,
                                         const std::string& named,
                                         UnixNanos now,
                                         std::string& owner) const {
  const Authentication who = Authenticate(request, now);
  // A key takes precedence; a name does not replace a dead key.
  if (who.verdict() != ApiKeyVerdict::kMissing || named.empty()) {
    if (!who.ok()) return Unauthenticated(who);
    if (!named.empty() && named != who.account_id()) {
      return Malformed("account: the key belongs to another account");
    }
    owner = std::string(who.account_id());
    return std::nullopt;
  }
  owner = named;
  return std::nullopt;
}

}  // namespace konpro

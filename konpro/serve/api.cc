#include "konpro/serve/api.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "konpro/base/internal/json.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/estimate/estimator.h"
#include "konpro/report/account_message.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/request_body.h"
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

// The first field of that name, or "".
absl::string_view FieldOf(const HttpRequest& request, absl::string_view name) {
  for (const HttpHeader& header : request.headers) {
    if (absl::EqualsIgnoreCase(header.name, name)) {
      return absl::StripAsciiWhitespace(header.value);
    }
  }
  return absl::string_view();
}

// A string of structured fields (RFC 9651, 3.3.3), or the value as it is.
// nullopt: it begins with a quote and is no such string.
std::optional<std::string> Unquoted(absl::string_view value) {
  if (!absl::ConsumePrefix(&value, "\"")) return std::string(value);
  std::string text;
  while (!value.empty() && value[0] != '"') {
    if (value[0] == '\\') {
      value.remove_prefix(1);
      if (value.empty() || (value[0] != '"' && value[0] != '\\')) break;
    }
    text += value[0];
    value.remove_prefix(1);
  }
  if (value != "\"") return std::nullopt;
  return text;
}

// The id in Idempotency-Key.
absl::StatusOr<std::string> IdOf(const HttpRequest& request) {
  const auto is_id = [](const HttpHeader& header) {
    return absl::EqualsIgnoreCase(header.name, kIdHeader);
  };
  const auto fields =
      std::count_if(request.headers.begin(), request.headers.end(), is_id);
  const std::optional<std::string> id = Unquoted(FieldOf(request, kIdHeader));
  if (fields == 1 && id.has_value() &&
      internal::IsId(*id, AdmissionRequest::kIdBytesMax)) {
    return *id;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "Idempotency-Key: ",
      fields == 0  ? "is missing"
      : fields > 1 ? "there are several"
                   : "is no id",
      "; a job needs one id, of 1 to ", AdmissionRequest::kIdBytesMax,
      " bytes of printable ASCII without blanks, bare or in double quotes"));
}

absl::Status CheckIdInPath(absl::string_view id) {
  if (internal::IsId(id, AdmissionRequest::kIdBytesMax)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the job's id in the path: is not 1 to ", AdmissionRequest::kIdBytesMax,
      " bytes of printable ASCII without blanks"));
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

// What a path is asked with: HEAD is GET without its body.
std::string Methods(absl::string_view method) {
  return absl::StrCat(method, method == "GET" ? ", HEAD" : "", ", OPTIONS");
}

// RFC 9110, 9.3.7.
HttpAnswer AnswerOptions(absl::string_view method) {
  return {.status = 204, .fields = {{"Allow", Methods(method)}}};
}

// RFC 9110, 15.5.6.
HttpAnswer OnlyMethod(absl::string_view method) {
  HttpAnswer answer = AnswerOf(absl::UnimplementedError(
      absl::StrCat("the method of this path is ", method)));
  answer.fields.push_back({"Allow", Methods(method)});
  return answer;
}

// The quantity of a request for a job of `operation`; 0 if that is not known,
// which admission reports.
absl::StatusOr<int64_t> QuantityOf(absl::string_view quantity,
                                   absl::string_view operation,
                                   const Catalog& catalog) {
  const Operation* const known = catalog.FindOperation(operation);
  return known == nullptr ? 0 : BaseUnitsOf(quantity, *known);
}

absl::Status MissingQuantity() {
  return absl::InvalidArgumentError(
      "quantity: is missing, should be a number of base units or a text such "
      "as \"90s\"");
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
  if (request.path.find('\0') != absl::string_view::npos) {
    return Malformed("the path: has a NUL");
  }
  for (const Endpoint& endpoint : kEndpoints) {
    if (request.path != endpoint.path) continue;
    if (request.method == "OPTIONS") return AnswerOptions(endpoint.method);
    const bool is_head = request.method == "HEAD" && endpoint.method == "GET";
    if (request.method != endpoint.method && !is_head) {
      return OnlyMethod(endpoint.method);
    }
    return (this->*endpoint.answer)(request, now);
  }
  if (request.path == "*" && request.method == "OPTIONS") {
    return AnswerOptions("GET, POST");
  }
  return RouteJob(request, now);
}

// An id may contain slashes.
HttpAnswer Api::RouteJob(const HttpRequest& request, UnixNanos now) {
  absl::string_view id = request.path;
  if (!absl::ConsumePrefix(&id, "/v1/jobs/")) return NoSuchPath();
  const bool completes = absl::ConsumeSuffix(&id, "/complete");
  if (!completes && !absl::ConsumeSuffix(&id, "/cancel")) return NoSuchPath();
  if (request.method == "OPTIONS") return AnswerOptions("POST");
  if (request.method != "POST") return OnlyMethod("POST");
  if (auto refusal = RefuseMetered(now)) return *refusal;
  return completes ? Complete(request, id, now) : Cancel(request, id, now);
}

absl::Status Api::ReadMetered(const HttpRequest& request,
                              absl::string_view operation, std::string& id,
                              int64_t& quantity) const {
  const absl::string_view text = FieldOf(request, kQuantityHeader);
  if (text.empty()) {
    return absl::InvalidArgumentError(
        "X-Konpro-Quantity: is missing; a job needs one, such as 600000 or "
        "10m");
  }
  const absl::StatusOr<int64_t> units =
      QuantityOf(text, operation, parts_.admission.catalog());
  if (!units.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "X-Konpro-Quantity: ",
        absl::StripPrefix(units.status().message(), "quantity: ")));
  }
  quantity = *units;
  absl::StatusOr<std::string> read = IdOf(request);
  if (!read.ok()) return read.status();
  id = *std::move(read);
  return absl::OkStatus();
}

HttpAnswer Api::Admit(const HttpRequest& request, UnixNanos now) {
  const absl::string_view uri = FieldOf(request, kOriginalUriHeader);
  AdmissionRequest asked{.key = ApiKeyFromHeaders(request.headers),
                         .operation = FieldOf(request, kOperationHeader)};
  std::string id;
  std::string malformed;
  if (!asked.operation.empty()) {
    if (auto refusal = RefuseMetered(request, now)) {
      return ForAuthRequest(*refusal, uri);
    }
    const absl::Status status =
        ReadMetered(request, asked.operation, id, asked.quantity);
    malformed = std::string(status.message());
    asked.malformed = malformed;
    asked.id = id;
    // A second 200 would run the job a second time, unless the route says that
    // its API reads kReplayedHeader.
    if (FieldOf(request, kOpenJobHeader) != kOpenJobReplay) {
      asked.open_job = OpenJobReplay::kRefuse;
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
  const absl::Status read = ReadBody(request.body, body);
  if (!read.ok()) return AnswerOf(read);
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
  if (auto refusal = RefuseMetered(request, now)) return *refusal;
  v1::CreateJobRequest body;
  absl::Status status = ReadBody(request.body, body);
  if (absl::IsResourceExhausted(status)) return AnswerOf(status);
  int64_t quantity = 0;
  std::string id;
  if (status.ok()) status = ReadReserve(request, body, id, quantity);
  // Whether the caller is authenticated comes first: admission says so.
  const std::string malformed(status.message());
  return AnswerOf(
      parts_.admission.Admit({.key = ApiKeyFromHeaders(request.headers),
                              .operation = body.operation(),
                              .quantity = quantity,
                              .id = id,
                              .job = body.job(),
                              .malformed = malformed},
                             now));
}

absl::Status Api::ReadReserve(const HttpRequest& request,
                              const v1::CreateJobRequest& body, std::string& id,
                              int64_t& quantity) const {
  if (body.operation().empty()) {
    return absl::InvalidArgumentError(
        "operation: is missing, should be a text such as \"avatar_video\"");
  }
  if (!body.has_quantity()) return MissingQuantity();
  const absl::StatusOr<int64_t> units =
      QuantityOf(body.quantity(), body.operation(), parts_.admission.catalog());
  if (!units.ok()) return units.status();
  quantity = *units;
  absl::StatusOr<std::string> read = IdOf(request);
  if (!read.ok()) return read.status();
  id = *std::move(read);
  return absl::OkStatus();
}

HttpAnswer Api::Complete(const HttpRequest& request, absl::string_view id,
                         UnixNanos now) {
  v1::CompleteJobRequest body;
  absl::Status status = ReadBody(request.body, body);
  std::string owner;
  if (auto refusal = FindOwner(request, body.account(), now, owner)) {
    return *refusal;
  }
  if (status.ok() && !body.has_quantity()) status = MissingQuantity();
  if (status.ok()) status = CheckIdInPath(id);
  if (!status.ok()) return AnswerOf(status);
  const absl::StatusOr<int64_t> quantity =
      ActualQuantity(owner, id, body.quantity());
  if (!quantity.ok()) return AnswerOf(quantity.status());
  const auto settled = parts_.admission.Complete(
      {.account = owner, .reservation = id, .quantity = *quantity}, now);
  return settled.ok() ? AnswerOf(*settled) : AnswerOf(settled.status());
}

absl::StatusOr<int64_t> Api::ActualQuantity(absl::string_view account,
                                            absl::string_view id,
                                            absl::string_view quantity) const {
  // Most requests need not look for the job twice.
  if (IsBaseUnits(quantity)) return BaseUnitsOf(quantity, Operation{});
  const absl::StatusOr<std::string> operation =
      parts_.admission.OperationOf(account, id);
  if (!operation.ok()) return operation.status();
  const Operation* const known =
      parts_.admission.catalog().FindOperation(*operation);
  if (known == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("quantity: should be a number of base units: operation ",
                     *operation, " is not in the catalog any more"));
  }
  return BaseUnitsOf(quantity, *known);
}

HttpAnswer Api::Cancel(const HttpRequest& request, absl::string_view id,
                       UnixNanos now) {
  v1::CancelJobRequest body;
  absl::Status status;
  if (!request.body.empty()) status = ReadBody(request.body, body);
  std::string owner;
  if (auto refusal = FindOwner(request, body.account(), now, owner)) {
    return *refusal;
  }
  if (status.ok()) status = CheckIdInPath(id);
  if (!status.ok()) return AnswerOf(status);
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
  const std::string fault =
      parts_.clock == nullptr ? "" : parts_.clock->Fault();
  if (reason.empty() && fault.empty()) {
    return TextAnswer("ok\n", "text/plain");
  }
  std::string text;
  for (const std::string& line : {reason, fault}) {
    if (!line.empty()) absl::StrAppend(&text, line, "\n");
  }
  HttpAnswer answer = TextAnswer(std::move(text), "text/plain");
  answer.status = 503;
  return answer;
}

std::optional<HttpAnswer> Api::RefuseMetered(UnixNanos now) const {
  if (parts_.clock != nullptr && !parts_.clock->Trusts(now)) {
    return AnswerOf(absl::UnavailableError("the clock was set"));
  }
  if (parts_.is_store_slow != nullptr && parts_.is_store_slow()) {
    return AnswerOf(absl::UnavailableError("the store is slow"));
  }
  return std::nullopt;
}

std::optional<HttpAnswer> Api::RefuseMetered(const HttpRequest& request,
                                             UnixNanos now) const {
  auto refusal = RefuseMetered(now);
  // Without a key that is alive, admission has the first word.
  if (!refusal.has_value() || !Authenticate(request, now).ok()) {
    return std::nullopt;
  }
  return refusal;
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

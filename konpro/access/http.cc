#include "konpro/access/http.h"

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/internal/json.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/plan.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/journal_repair.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

absl::string_view WithoutBlanksAround(absl::string_view value) {
  constexpr absl::string_view kBlanks = " \t";
  const size_t first = value.find_first_not_of(kBlanks);
  if (first == absl::string_view::npos) return absl::string_view();
  return value.substr(first, value.find_last_not_of(kBlanks) - first + 1);
}

// REQUIRES: time >= 0.
int64_t SecondsCeil(absl::Duration time) {
  return absl::ToInt64Seconds(absl::Ceil(time, absl::Seconds(1)));
}

// A window's name needs no escape in a structured field's string.
std::string Policy(const LimiterWindows& windows) {
  std::string value;
  for (size_t i = 0; i < windows.size(); ++i) {
    const RateWindow& window = windows.window(i);
    absl::StrAppend(&value, i == 0 ? "" : ", ", "\"", window.name(),
                    "\";q=", window.limit(),
                    ";w=", SecondsCeil(window.period()));
  }
  return value;
}

std::string Limits(const Decision& decision) {
  std::string value;
  for (size_t i = 0; i < decision.windows().size(); ++i) {
    absl::StrAppend(&value, i == 0 ? "" : ", ", "\"",
                    decision.windows().window(i).name(),
                    "\";r=", decision.remaining(i),
                    ";t=", SecondsCeil(decision.reset_after(i)));
  }
  return value;
}

constexpr absl::string_view kContentType = "Content-Type";

// A JSON object, field by field.
class JsonObject {
 public:
  JsonObject& Text(absl::string_view name, absl::string_view value) {
    Name(name);
    internal::AppendJsonString(value, json_);
    return *this;
  }
  JsonObject& Number(absl::string_view name, int64_t value) {
    return Raw(name, absl::StrCat(value));
  }
  JsonObject& Bool(absl::string_view name, bool value) {
    return Raw(name, value ? "true" : "false");
  }
  // As konpro.v1.Amount: 64-bit integers are texts in JSON.
  JsonObject& Amount(absl::string_view name, Credits credits) {
    JsonObject amount;
    amount.Text("credits", credits.ToString())
        .Text("ticks", absl::StrCat(credits.ticks()));
    return Raw(name, amount.Take());
  }
  JsonObject& Raw(absl::string_view name, absl::string_view json) {
    Name(name);
    absl::StrAppend(&json_, json);
    return *this;
  }
  std::string Take() {
    json_ += '}';
    return std::move(json_);
  }

 private:
  void Name(absl::string_view name) {
    absl::StrAppend(&json_, json_.size() == 1 ? "" : ",");
    internal::AppendJsonString(name, json_);
    json_ += ':';
  }

  std::string json_ = "{";
};

// RFC 9457, 3.1: members that every problem has.
JsonObject Problem(int status, absl::string_view code, absl::string_view title,
                   absl::string_view detail) {
  JsonObject problem;
  problem.Text("type", absl::StrCat("tag:konpro.ai,2025:", code))
      .Text("title", title)
      .Number("status", status)
      .Text("detail", detail)
      .Text("code", code);
  return problem;
}

// What a store that has no room or fails asks of its callers: long enough that
// they do not make it worse.
constexpr int kUnavailableRetrySeconds = 5;

HttpAnswer ProblemAnswer(int status, JsonObject& problem) {
  HttpAnswer answer = {.status = status,
                       .fields = {{kContentType, "application/problem+json"}},
                       .body = problem.Take()};
  if (status == 503) {
    answer.fields.push_back(
        {"Retry-After", absl::StrCat(kUnavailableRetrySeconds)});
  }
  return answer;
}

struct Row {
  int status;
  absl::string_view title;
};

constexpr absl::string_view kJournalAheadTitle = "Journal ahead of the clock";

// In the order of AdmissionReason.
constexpr std::array<Row, kAdmissionReasons> kRows = {{
    {200, "Admitted"},
    {401, "Unauthenticated"},
    {403, "No such account"},
    {403, "Account suspended"},
    {400, "Malformed request"},
    {400, "Unknown operation"},
    {403, "Operation not in the plan"},
    {403, "No rate limit set"},
    {400, "Too many requests at once"},
    {429, "Rate limited"},
    {500, "No price"},
    {400, "Cost out of range"},
    {402, "Insufficient credits"},
    {422, "Id used for another request"},
    {409, "Credits cannot be held"},
    {503, "Unavailable"},
    {409, "Job in progress"},
    {409, "Job ended"},
    {503, kJournalAheadTitle},
    {403, "Wrong scope"},
}};

const Row& RowOf(AdmissionReason reason) {
  return kRows[static_cast<size_t>(reason)];
}

std::string WindowDetail(const Decision& decision) {
  const RateWindow& window =
      decision.windows().window(decision.binding_window());
  return absl::StrCat("window ", window.name(), " admits ", window.limit(),
                      " requests in ", absl::FormatDuration(window.period()));
}

std::string DetailOf(const AdmissionResult& a) {
  switch (a.reason) {
    case AdmissionReason::kUnauthenticated:
      return absl::StrCat("no valid API key in ", kApiKeyHeader);
    case AdmissionReason::kNotProvisioned:
      return "the account is not set up";
    case AdmissionReason::kSuspended:
      return "the account is suspended";
    case AdmissionReason::kOperationNotInPlan:
      return absl::StrCat("plan ", a.plan->name(),
                          " does not allow the operation");
    case AdmissionReason::kNoWindows:
      return absl::StrCat("the account is on plan ", a.plan->name(),
                          " and has not been given its rate limits yet");
    case AdmissionReason::kExceedsLimit:
    case AdmissionReason::kRateLimited:
      return WindowDetail(*a.limits);
    case AdmissionReason::kNoPrice:
      return "the operation has no price at present";
    case AdmissionReason::kCostOutOfRange:
      return "the quantity costs more than any amount of credits";
    case AdmissionReason::kInsufficientCredits:
      return absl::StrCat(
          "need ", a.need.ToString(), " credits, held ", a.held.ToString(),
          ", available ", a.available.ToString(),
          a.open_reservations_cover ? "; open reservations would cover the rest"
                                    : "",
          "; a new attempt needs a new id");
    case AdmissionReason::kReservationRefused:
      return absl::StrCat(a.detail, "; a new attempt needs a new id");
    case AdmissionReason::kUnavailable:
      return "try again with the same id";
    case AdmissionReason::kJobInProgress:
      return "the job with this id was admitted before and has not ended";
    case AdmissionReason::kJobEnded:
      return "the job with this id has ended; another job needs a new id";
    default:
      return a.detail;
  }
}

void MarkReplayed(bool replayed, HttpAnswer& answer) {
  if (replayed) answer.fields.push_back({kReplayedHeader, "true"});
}

struct ErrorRow {
  int status;
  absl::string_view code;
  absl::string_view title;
};

// Of what the ledger refuses, which is kFailedPrecondition.
ErrorRow RowOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return {409, "failed_precondition", "Not possible any more"};
    case Refusal::kInsufficientCredits:
      return {402, "insufficient_credits", "Insufficient credits"};
    case Refusal::kAboveHold:
      return {409, "above_hold", "Above what is held"};
    case Refusal::kReservationCaptured:
      return {409, "reservation_captured", "Job completed"};
    case Refusal::kReservationVoided:
      return {409, "reservation_voided", "Job cancelled"};
    case Refusal::kReservationExpired:
      return {409, "reservation_expired", "Job expired"};
    default:
      return {409, RefusalName(refusal), "Not possible"};
  }
}

ErrorRow RowOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return {400, "malformed", "Malformed request"};
    case absl::StatusCode::kOutOfRange:
      return {400, "out_of_range", "Out of range"};
    case absl::StatusCode::kNotFound:
      return {404, "not_found", "Not found"};
    case absl::StatusCode::kUnimplemented:
      return {405, "method_not_allowed", "Method not allowed"};
    case absl::StatusCode::kResourceExhausted:
      return {413, "too_large", "Too large"};
    case absl::StatusCode::kAlreadyExists:
      return {422, "id_conflict", "Id used for another request"};
    case absl::StatusCode::kUnavailable:
      return {503, "unavailable", "Unavailable"};
    default:
      return {500, "internal", "Internal error"};
  }
}

}  // namespace

ApiKeyText ApiKeyFromHeaders(absl::Span<const HttpHeader> headers) {
  const HttpHeader* only = nullptr;
  for (const HttpHeader& header : headers) {
    if (!absl::EqualsIgnoreCase(header.name, kApiKeyHeader)) continue;
    if (only != nullptr) return ApiKeyText::Unreadable();
    only = &header;
  }
  if (only == nullptr) return ApiKeyText();
  if (only->value.size() > kApiKeyHeaderBytesMax) {
    return ApiKeyText::Unreadable();
  }
  return ApiKeyText(WithoutBlanksAround(only->value));
}

std::vector<HttpField> RateLimitFields(const Decision& decision,
                                       LegacyRateLimit legacy) {
  std::vector<HttpField> fields = {
      {"RateLimit-Policy", Policy(decision.windows())},
      {"RateLimit", Limits(decision)},
  };
  if (decision.outcome() == LimitOutcome::kRetryLater &&
      decision.retry_at() < UnixNanos::Max()) {
    fields.push_back(
        {"Retry-After", absl::StrCat(SecondsCeil(decision.retry_after()))});
  }
  if (legacy == LegacyRateLimit::kOmit) return fields;
  const size_t binding = decision.binding_window();
  fields.push_back({"X-RateLimit-Limit",
                    absl::StrCat(decision.windows().window(binding).limit())});
  fields.push_back(
      {"X-RateLimit-Remaining", absl::StrCat(decision.remaining(binding))});
  fields.push_back({"X-RateLimit-Reset",
                    absl::StrCat(SecondsCeil(decision.reset_after(binding)))});
  return fields;
}

int HttpStatus(AdmissionReason reason) { return RowOf(reason).status; }

HttpAnswer AnswerOf(const AdmissionResult& admission, LegacyRateLimit legacy) {
  const Row& row = RowOf(admission.reason);
  HttpAnswer answer;
  if (admission.ok()) {
    if (!admission.reservation.empty()) {
      JsonObject held;
      held.Text("id", admission.reservation)
          .Amount("held", admission.need)
          .Bool("replayed", admission.replayed);
      answer.fields.push_back({kContentType, "application/json"});
      answer.body = held.Take();
    }
  } else {
    JsonObject problem =
        Problem(row.status, AdmissionReasonName(admission.reason), row.title,
                DetailOf(admission));
    problem.Bool("retryable", admission.retryable);
    if (admission.needs_new_id) problem.Bool("needs_new_id", true);
    if (admission.reason == AdmissionReason::kInsufficientCredits) {
      problem.Amount("need", admission.need)
          .Amount("held", admission.held)
          .Amount("available", admission.available)
          .Amount("shortfall", admission.shortfall)
          .Bool("open_reservations_cover", admission.open_reservations_cover);
    }
    if (admission.reason == AdmissionReason::kRateLimited &&
        admission.retryable) {
      problem.Number("retry_after", SecondsCeil(admission.retry_after));
    }
    answer = ProblemAnswer(row.status, problem);
  }
  MarkReplayed(admission.replayed, answer);
  // RFC 9110, 15.5.2: a 401 says how to do better.
  if (admission.reason == AdmissionReason::kUnauthenticated) {
    answer.fields.push_back(
        {"WWW-Authenticate",
         absl::StrCat("ApiKey header=\"", kApiKeyHeader, "\"")});
  }
  if (admission.limits.has_value() &&
      admission.limits->outcome() != LimitOutcome::kNoWindows) {
    for (HttpField& field : RateLimitFields(*admission.limits, legacy)) {
      answer.fields.push_back(std::move(field));
    }
  }
  return answer;
}

HttpAnswer AnswerOf(const Settlement& settlement) {
  JsonObject balance;
  balance.Amount("available", settlement.balance.available)
      .Amount("reserved", settlement.balance.reserved);
  JsonObject settled;
  settled.Text("id", settlement.reservation)
      .Amount("charged", settlement.charged);
  if (settlement.uncollected != Credits()) {
    settled.Amount("uncollected", settlement.uncollected);
  }
  settled.Amount("released", settlement.released)
      .Bool("replayed", settlement.replayed)
      .Raw("balance", balance.Take());
  HttpAnswer answer = {.status = 200,
                       .fields = {{kContentType, "application/json"}},
                       .body = settled.Take()};
  MarkReplayed(settlement.replayed, answer);
  return answer;
}

HttpAnswer ProblemOf(int status, absl::string_view code,
                     absl::string_view title, absl::string_view detail) {
  JsonObject problem = Problem(status, code, title, detail);
  problem.Bool("retryable", status == 503);
  return ProblemAnswer(status, problem);
}

HttpAnswer AnswerOf(const absl::Status& error) {
  const bool is_ahead = IsAheadOfClock(error);
  const ErrorRow row =
      is_ahead
          ? ErrorRow{503, AdmissionReasonName(AdmissionReason::kJournalAhead),
                     kJournalAheadTitle}
      : absl::IsFailedPrecondition(error) ? RowOf(RefusalOf(error))
                                          : RowOf(error.code());
  const absl::string_view detail =
      is_ahead || row.status < 500 ? error.message()
      : row.status < 503 ? absl::string_view("something went wrong inside")
                         : absl::string_view("try again");
  return ProblemOf(row.status, row.code, row.title, detail);
}

}  // namespace konpro

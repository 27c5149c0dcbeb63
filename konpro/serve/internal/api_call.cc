#include "konpro/serve/internal/api_call.h"

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/request_body.h"

namespace konpro::internal {
namespace {

constexpr absl::string_view kIdHeader = "idempotency-key";

// A string of structured fields, or the value as it is. nullopt: it begins with
// a quote and is no such string.
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

}  // namespace

absl::string_view FieldOf(const HttpRequest& request, absl::string_view name) {
  for (const HttpHeader& header : request.headers) {
    if (absl::EqualsIgnoreCase(header.name, name)) {
      return absl::StripAsciiWhitespace(header.value);
    }
  }
  return absl::string_view();
}

absl::StatusOr<std::string> IdOf(const HttpRequest& request) {
  const auto is_id = [](const HttpHeader& header) {
    return absl::EqualsIgnoreCase(header.name, kIdHeader);
  };
  const auto fields =
      std::count_if(request.headers.begin(), request.headers.end(), is_id);
  const std::optional<std::string> id = Unquoted(FieldOf(request, kIdHeader));
  if (fields == 1 && id.has_value() &&
      IsId(*id, AdmissionRequest::kIdBytesMax)) {
    return *id;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "Idempotency-Key: ",
      fields == 0  ? "is missing"
      : fields > 1 ? "there are several"
                   : "is no id",
      "; it is one id, of 1 to ", AdmissionRequest::kIdBytesMax,
      " bytes of printable ASCII without blanks, bare or in double quotes"));
}

absl::StatusOr<std::string> DecodedPart(absl::string_view part) {
  std::string text;
  while (!part.empty()) {
    if (part[0] != '%') {
      text += part[0];
      part.remove_prefix(1);
      continue;
    }
    if (part.size() < 3 || !absl::ascii_isxdigit(part[1]) ||
        !absl::ascii_isxdigit(part[2])) {
      return absl::InvalidArgumentError(
          "the path: has a % without two hexadecimal digits");
    }
    text += absl::HexStringToBytes(part.substr(1, 2));
    part.remove_prefix(3);
  }
  return text;
}

absl::StatusOr<std::string> ArgumentOf(const HttpRequest& request,
                                       absl::string_view name) {
  const HttpHeader* found = nullptr;
  for (const HttpHeader& argument : request.arguments) {
    if (argument.name != name) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the query: ", name, " stands twice"));
    }
    found = &argument;
  }
  return found == nullptr ? "" : DecodedPart(found->value);
}

absl::Status CheckArguments(const HttpRequest& request,
                            absl::Span<const absl::string_view> known) {
  for (const HttpHeader& argument : request.arguments) {
    if (std::find(known.begin(), known.end(), argument.name) != known.end()) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("the query: ", Quoted(argument.name), " is not known",
                     Suggestion(argument.name, known)));
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Time> TimeOf(absl::string_view member,
                                  absl::string_view text,
                                  absl::Time otherwise) {
  if (text.empty()) return otherwise;
  absl::StatusOr<absl::Time> time = ParseRfc3339(text);
  if (time.ok()) return time;
  return absl::InvalidArgumentError(
      absl::StrCat(member, ": ", time.status().message()));
}

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

HttpAnswer Refusal(const Authentication& who, AdmissionReason reason,
                   std::string detail) {
  AdmissionResult refused(who);
  refused.reason = reason;
  refused.detail = std::move(detail);
  return AnswerOf(refused);
}

std::optional<HttpAnswer> RefuseMetered(const ApiParts& api, UnixNanos now) {
  if (api.clock != nullptr && !api.clock->Trusts(now)) {
    return AnswerOf(absl::UnavailableError("the clock was set"));
  }
  if (api.is_store_slow != nullptr && api.is_store_slow()) {
    return AnswerOf(absl::UnavailableError("the store is slow"));
  }
  return std::nullopt;
}

}  // namespace konpro::internal

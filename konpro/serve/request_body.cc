#include "konpro/serve/request_body.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/name.h"
#include "konpro/input/json_message.h"

namespace konpro {

absl::Status ReadBody(absl::string_view body,
                      google::protobuf::Message& message) {
  if (body.size() > kBodyBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a body has at most ", kBodyBytesMax, " bytes"));
  }
  const std::optional<JsonError> error =
      ReadJsonMessage(body, message,
                      {.text_or_number = "quantity",
                       .text_or_number_form =
                           "a number of base units or a text such as \"90s\""});
  if (!error.has_value()) return absl::OkStatus();
  if (error->is_of_syntax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body: is no JSON: line ", error->line, ", column ",
                     error->column, ": ", error->what));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(error->is_of_whole ? "the body: " : "", error->what));
}

bool IsBaseUnits(absl::string_view quantity) {
  absl::ConsumePrefix(&quantity, "-");
  return !quantity.empty() &&
         std::all_of(quantity.begin(), quantity.end(), [](char c) {
           return absl::ascii_isdigit(static_cast<unsigned char>(c));
         });
}

absl::StatusOr<int64_t> BaseUnitsOf(absl::string_view quantity,
                                    const Operation& operation) {
  if (IsBaseUnits(quantity)) {
    int64_t units = 0;
    if (!absl::SimpleAtoi(quantity, &units)) {
      return absl::OutOfRangeError(
          absl::StrCat("quantity: ", internal::Quoted(quantity),
                       " is outside the range of 64 bits"));
    }
    if (units < 0) return absl::InvalidArgumentError("quantity: is negative");
    return units;
  }
  const absl::StatusOr<int64_t> units = ParseQuantity(quantity, operation.unit);
  if (units.ok()) return *units;
  return absl::InvalidArgumentError(absl::StrCat(
      "quantity: ", units.status().message(), "; digits alone are ",
      operation.unit == QuantityUnit::kMilliseconds ? "milliseconds"
                                                    : "a count"));
}

}  // namespace konpro

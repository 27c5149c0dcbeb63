#include "konpro/serve/request_body.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "konpro/base/internal/json_value.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using internal::JsonKind;
using internal::JsonMember;
using internal::JsonValue;

constexpr absl::string_view kQuantity = "quantity";

bool IsDigits(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

// Many programs write a whole number as 60000.0.
absl::string_view WithoutZeroFraction(absl::string_view number) {
  const size_t point = number.find('.');
  if (point == absl::string_view::npos) return number;
  const size_t other = number.find_first_not_of('0', point + 1);
  return other == absl::string_view::npos ? number.substr(0, point) : number;
}

// Reads an object into a message, and keeps the first error.
class ObjectReader {
 public:
  void Read(const JsonValue& object, const std::string& place,
            Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    std::vector<const FieldDescriptor*> seen;
    for (const JsonMember& member : object.members) {
      const FieldDescriptor* field = type.FindFieldByName(member.name);
      if (field == nullptr) field = type.FindFieldByCamelcaseName(member.name);
      const std::string at = absl::StrCat(place, member.name);
      if (field == nullptr) {
        Fail(absl::StrCat("member ", internal::Quoted(at), " is not known",
                          SuggestionOf(member.name, type)));
        continue;
      }
      for (const FieldDescriptor* other : seen) {
        if (other == field) Fail(absl::StrCat(at, ": stands twice"));
      }
      seen.push_back(field);
      if (member.value.kind == JsonKind::kNull) continue;
      ReadField(member.value, at, *field, message);
    }
  }

  void Fail(const std::string& error) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(error);
  }
  const absl::Status& status() const { return status_; }

 private:
  static std::string SuggestionOf(const std::string& name,
                                  const Descriptor& type) {
    std::vector<absl::string_view> known;
    for (int i = 0; i < type.field_count(); ++i) {
      known.push_back(type.field(i)->name());
    }
    return internal::Suggestion(name, known);
  }

  void FailKind(const std::string& at, JsonKind kind, absl::string_view form) {
    Fail(absl::StrCat(at, ": is ", internal::JsonKindName(kind), ", should be ",
                      form));
  }

  void ReadField(const JsonValue& value, const std::string& at,
                 const FieldDescriptor& field, Message& message) {
    if (field.is_repeated()) return ReadObjects(value, at, field, message);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return ReadText(value, at, field, message);
      case FieldDescriptor::CPPTYPE_BOOL:
        if (value.kind != JsonKind::kBool) {
          return FailKind(at, value.kind, "true or false");
        }
        return message.GetReflection()->SetBool(&message, &field,
                                                value.text == "true");
      default:
        return ReadNumber(value, at, field, message);
    }
  }

  void ReadText(const JsonValue& value, const std::string& at,
                const FieldDescriptor& field, Message& message) {
    const bool is_quantity = field.name() == kQuantity;
    std::string text = value.text;
    if (is_quantity && value.kind == JsonKind::kNumber) {
      text = std::string(WithoutZeroFraction(value.text));
    } else if (value.kind != JsonKind::kString) {
      return FailKind(at, value.kind,
                      is_quantity
                          ? "a number of base units or a text such as \"90s\""
                          : "a text");
    }
    message.GetReflection()->SetString(&message, &field, text);
  }

  void ReadNumber(const JsonValue& value, const std::string& at,
                  const FieldDescriptor& field, Message& message) {
    if (value.kind != JsonKind::kNumber && value.kind != JsonKind::kString) {
      return FailKind(at, value.kind, "a whole number");
    }
    int64_t number = 0;
    if (!absl::SimpleAtoi(WithoutZeroFraction(value.text), &number)) {
      return Fail(absl::StrCat(at, ": ", internal::Quoted(value.text),
                               " is not a whole number of at most 64 bits"));
    }
    message.GetReflection()->SetInt64(&message, &field, number);
  }

  void ReadObjects(const JsonValue& value, const std::string& at,
                   const FieldDescriptor& field, Message& message) {
    if (value.kind != JsonKind::kArray) {
      return FailKind(at, value.kind, "an array of objects");
    }
    for (size_t i = 0; i < value.items.size(); ++i) {
      const std::string place = absl::StrCat(at, "[", i, "]");
      Message& added = *message.GetReflection()->AddMessage(&message, &field);
      if (value.items[i].kind != JsonKind::kObject) {
        FailKind(place, value.items[i].kind, "an object");
        continue;
      }
      Read(value.items[i], place + ".", added);
    }
  }

  absl::Status status_;
};

}  // namespace

absl::Status ReadBody(absl::string_view body, Message& message) {
  if (body.size() > kBodyBytesMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a body has at most ", kBodyBytesMax, " bytes"));
  }
  if (absl::StripAsciiWhitespace(body).empty()) {
    return absl::InvalidArgumentError(
        "the body: is empty, should be one JSON object");
  }
  const absl::StatusOr<JsonValue> value = internal::ParseJson(body);
  if (!value.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body: is no JSON: ", value.status().message()));
  }
  if (value->kind != JsonKind::kObject) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body: is ", internal::JsonKindName(value->kind),
                     ", should be one JSON object"));
  }
  ObjectReader reader;
  reader.Read(*value, "", message);
  return reader.status();
}

bool IsBaseUnits(absl::string_view quantity) {
  return IsDigits(absl::StripPrefix(quantity, "-"));
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

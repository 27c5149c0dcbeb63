#include "konpro/input/json_message.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"

namespace konpro {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::Duration;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using ::google::protobuf::Timestamp;
using ::konpro::internal::JsonKind;
using ::konpro::internal::JsonMember;
using ::konpro::internal::JsonValue;

// Where a value stands: its member, or its number in an array. Most are never
// printed.
struct Path {
  const Path* parent = nullptr;
  absl::string_view member;
  size_t index = 0;

  std::string ToString() const {
    const std::string before = parent == nullptr ? "" : parent->ToString();
    if (member.data() == nullptr) return absl::StrCat(before, "[", index, "]");
    return absl::StrCat(before, before.empty() ? "" : ".", member);
  }
};

const FieldDescriptor* FindField(const Descriptor& type,
                                 const std::string& name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(name);
}

std::string SuggestionFor(const std::string& name, const Descriptor& type) {
  std::vector<absl::string_view> known;
  for (int i = 0; i < type.field_count(); ++i) {
    known.push_back(type.field(i)->name());
  }
  return internal::Suggestion(name, known);
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

bool IsInteger(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  return IsDigits(text);
}

// The digits of a number that is whole, such as 1.0 and 1e3, or nullopt.
// Beyond 2^53 a double may have been rounded to a whole number.
std::optional<std::string> WholeDigits(const JsonValue& value) {
  if (IsInteger(value.text)) return value.text;
  if (value.kind != JsonKind::kNumber) return std::nullopt;
  constexpr double kExactEnd = 9007199254740992.0;
  double number = 0;
  if (!absl::SimpleAtod(value.text, &number) || number != std::floor(number) ||
      std::abs(number) >= kExactEnd) {
    return std::nullopt;
  }
  return absl::StrCat(static_cast<int64_t>(number));
}

// "-1.5s" and the like, as protobuf writes a google.protobuf.Duration. Returns
// whether it is one.
bool ParseProtobufDuration(absl::string_view text, Duration& duration) {
  constexpr int64_t kSecondsMax = 315'576'000'000;
  constexpr size_t kPlacesMax = 9;
  const bool is_negative = absl::ConsumePrefix(&text, "-");
  if (!absl::ConsumeSuffix(&text, "s")) return false;
  const size_t point = text.find('.');
  const absl::string_view whole = text.substr(0, point);
  std::string places;
  if (point != text.npos) {
    places = std::string(text.substr(point + 1));
    if (!IsDigits(places) || places.size() > kPlacesMax) return false;
  }
  places.resize(kPlacesMax, '0');
  int64_t seconds = 0;
  int32_t nanos = 0;
  if (!IsDigits(whole) || !absl::SimpleAtoi(whole, &seconds) ||
      !absl::SimpleAtoi(places, &nanos) || seconds > kSecondsMax) {
    return false;
  }
  duration.set_seconds(is_negative ? -seconds : seconds);
  duration.set_nanos(is_negative ? -nanos : nanos);
  return true;
}

// Reads objects into messages by their descriptors, and keeps the first error.
class MessageReader {
 public:
  MessageReader(absl::string_view text, const JsonMessageOptions& options)
      : text_(text), options_(options) {}

  void ReadObject(const JsonValue& object, const Path* path, Message& message);

  std::optional<JsonError> Take(
      const std::optional<internal::JsonSyntaxError>& syntax_error) &&;

  void Fail(size_t at, std::string what) {
    if (what_.empty()) {
      at_ = at;
      what_ = std::move(what);
    }
  }

 private:
  void Fail(const JsonValue& value, const Path& path, absl::string_view what) {
    Fail(value.begin, absl::StrCat(path.ToString(), ": ", what));
  }

  // False, as an error, if it is not `kind`.
  bool Check(const JsonValue& value, JsonKind kind, const Path& path,
             absl::string_view form) {
    if (value.kind != kind) FailKind(value, path, form);
    return value.kind == kind;
  }
  void FailKind(const JsonValue& value, const Path& path,
                absl::string_view form) {
    Fail(value, path,
         absl::StrCat("is ", JsonKindName(value.kind), ", should be ", form));
  }

  void ReadMap(const JsonValue& value, const FieldDescriptor& field,
               const Path& path, Message& message);
  void ReadArray(const JsonValue& value, const FieldDescriptor& field,
                 const Path& path, Message& message);
  // One value of `field`: an element if it is repeated.
  void ReadOne(const JsonValue& value, const FieldDescriptor& field,
               const Path& path, Message& message);
  void ReadMessage(const JsonValue& value, const Path& path, Message& message);
  void ReadTime(const JsonValue& value, const Path& path, Timestamp& time);
  void ReadDuration(const JsonValue& value, const Path& path,
                    Duration& duration);
  void ReadText(const JsonValue& value, const FieldDescriptor& field,
                const Path& path, Message& message);
  void ReadEnum(const JsonValue& value, const FieldDescriptor& field,
                const Path& path, Message& message);
  template <typename Number>
  std::optional<Number> ReadWhole(const JsonValue& value, const Path& path);
  std::optional<double> ReadReal(const JsonValue& value, const Path& path);

  const absl::string_view text_;
  const JsonMessageOptions& options_;
  size_t at_ = 0;
  std::string what_;
};

void MessageReader::ReadObject(const JsonValue& object, const Path* path,
                               Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  std::vector<const FieldDescriptor*> seen;
  for (const JsonMember& member : object.members) {
    const FieldDescriptor* const field = FindField(type, member.name);
    const Path at = {path, field == nullptr ? member.name : field->name()};
    const auto name = [&] { return internal::Quoted(at.ToString()); };
    if (field == nullptr) {
      Fail(member.begin, absl::StrCat("member ", name(), " is not known",
                                      SuggestionFor(member.name, type)));
      continue;
    }
    for (const FieldDescriptor* other : seen) {
      if (other == field) {
        Fail(member.begin, absl::StrCat("member ", name(), " stands twice"));
      }
    }
    if (member.value.kind != JsonKind::kNull) {
      for (const FieldDescriptor* other : seen) {
        if (other != field && field->containing_oneof() != nullptr &&
            other->containing_oneof() == field->containing_oneof() &&
            message.GetReflection()->HasField(message, other)) {
          Fail(member.begin,
               absl::StrCat("member ", name(), " stands beside \"",
                            other->name(), "\": there can be one of them"));
        }
      }
    }
    seen.push_back(field);
    if (member.value.kind == JsonKind::kNull) continue;
    if (field->is_map()) {
      ReadMap(member.value, *field, at, message);
    } else if (field->is_repeated()) {
      ReadArray(member.value, *field, at, message);
    } else {
      ReadOne(member.value, *field, at, message);
    }
  }
}

void MessageReader::ReadMap(const JsonValue& value,
                            const FieldDescriptor& field, const Path& path,
                            Message& message) {
  if (!Check(value, JsonKind::kObject, path, "an object")) return;
  const Descriptor& type = *field.message_type();
  for (const JsonMember& member : value.members) {
    Message& entry = *message.GetReflection()->AddMessage(&message, &field);
    const Path at = {&path, member.name};
    ReadOne(
        {.kind = JsonKind::kString, .begin = member.begin, .text = member.name},
        *type.map_key(), at, entry);
    ReadOne(member.value, *type.map_value(), at, entry);
  }
}

void MessageReader::ReadArray(const JsonValue& value,
                              const FieldDescriptor& field, const Path& path,
                              Message& message) {
  const bool has_messages =
      field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (!Check(value, JsonKind::kArray, path,
             has_messages ? "an array of objects" : "an array")) {
    return;
  }
  for (size_t i = 0; i < value.items.size(); ++i) {
    ReadOne(value.items[i], field, {&path, {}, i}, message);
  }
}

void MessageReader::ReadOne(const JsonValue& value,
                            const FieldDescriptor& field, const Path& path,
                            Message& message) {
  const Reflection& reflection = *message.GetReflection();
  // Set a field, or add to it.
  const auto put = [&](auto set, auto add, const auto& read) {
    if (!read.has_value()) return;
    field.is_repeated() ? (reflection.*add)(&message, &field, *read)
                        : (reflection.*set)(&message, &field, *read);
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return ReadText(value, field, path, message);
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReadEnum(value, field, path, message);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ReadMessage(
          value, path,
          *(field.is_repeated() ? reflection.AddMessage(&message, &field)
                                : reflection.MutableMessage(&message, &field)));
    case FieldDescriptor::CPPTYPE_BOOL:
      if (!Check(value, JsonKind::kBool, path, "true or false")) return;
      return put(&Reflection::SetBool, &Reflection::AddBool,
                 std::optional(value.text == "true"));
    case FieldDescriptor::CPPTYPE_INT32:
      return put(&Reflection::SetInt32, &Reflection::AddInt32,
                 ReadWhole<int32_t>(value, path));
    case FieldDescriptor::CPPTYPE_INT64:
      return put(&Reflection::SetInt64, &Reflection::AddInt64,
                 ReadWhole<int64_t>(value, path));
    case FieldDescriptor::CPPTYPE_UINT32:
      return put(&Reflection::SetUInt32, &Reflection::AddUInt32,
                 ReadWhole<uint32_t>(value, path));
    case FieldDescriptor::CPPTYPE_UINT64:
      return put(&Reflection::SetUInt64, &Reflection::AddUInt64,
                 ReadWhole<uint64_t>(value, path));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return put(&Reflection::SetDouble, &Reflection::AddDouble,
                 ReadReal(value, path));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return put(&Reflection::SetFloat, &Reflection::AddFloat,
                 ReadReal(value, path));
  }
}

void MessageReader::ReadMessage(const JsonValue& value, const Path& path,
                                Message& message) {
  if (auto* time = dynamic_cast<Timestamp*>(&message)) {
    return ReadTime(value, path, *time);
  }
  if (auto* duration = dynamic_cast<Duration*>(&message)) {
    return ReadDuration(value, path, *duration);
  }
  if (!Check(value, JsonKind::kObject, path, "an object")) return;
  ReadObject(value, &path, message);
}

void MessageReader::ReadTime(const JsonValue& value, const Path& path,
                             Timestamp& time) {
  if (!Check(value, JsonKind::kString, path,
             "a text such as \"2027-01-01T00:00:00Z\"")) {
    return;
  }
  // Of a google.protobuf.Timestamp: the year 1.
  constexpr int64_t kSecondsMin = -62'135'596'800;
  const absl::StatusOr<absl::Time> read = internal::ParseRfc3339(value.text);
  if (!read.ok()) return Fail(value, path, read.status().message());
  const int64_t seconds = absl::ToUnixSeconds(*read);
  if (seconds < kSecondsMin) return Fail(value, path, "is before the year 1");
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(*read - absl::FromUnixSeconds(seconds))));
}

void MessageReader::ReadDuration(const JsonValue& value, const Path& path,
                                 Duration& duration) {
  if (!Check(value, JsonKind::kString, path, "a text such as \"90s\"") ||
      ParseProtobufDuration(value.text, duration)) {
    return;
  }
  const absl::StatusOr<int64_t> ms =
      ParseQuantity(value.text, QuantityUnit::kMilliseconds);
  if (!ms.ok()) return Fail(value, path, ms.status().message());
  duration.set_seconds(*ms / 1'000);
  duration.set_nanos(static_cast<int32_t>(*ms % 1'000 * 1'000'000));
}

void MessageReader::ReadText(const JsonValue& value,
                             const FieldDescriptor& field, const Path& path,
                             Message& message) {
  const bool may_be_number = field.name() == options_.text_or_number;
  std::string text;
  if (may_be_number && value.kind == JsonKind::kNumber) {
    text = WholeDigits(value).value_or(value.text);
  } else if (!Check(value, JsonKind::kString, path,
                    may_be_number ? options_.text_or_number_form : "a text")) {
    return;
  } else if (field.type() != FieldDescriptor::TYPE_BYTES) {
    text = value.text;
  } else if (!absl::Base64Unescape(value.text, &text) &&
             !absl::WebSafeBase64Unescape(value.text, &text)) {
    return Fail(value, path, "is not Base64");
  }
  const Reflection& reflection = *message.GetReflection();
  field.is_repeated() ? reflection.AddString(&message, &field, std::move(text))
                      : reflection.SetString(&message, &field, std::move(text));
}

void MessageReader::ReadEnum(const JsonValue& value,
                             const FieldDescriptor& field, const Path& path,
                             Message& message) {
  if (!Check(value, JsonKind::kString, path, "a name in quotes")) return;
  const auto& type = *field.enum_type();
  const auto* const named = type.FindValueByName(value.text);
  if (named == nullptr) {
    std::vector<absl::string_view> known;
    for (int i = 0; i < type.value_count(); ++i) {
      known.push_back(type.value(i)->name());
    }
    return Fail(value, path,
                absl::StrCat(internal::Quoted(value.text), " is not known",
                             internal::Suggestion(value.text, known)));
  }
  const Reflection& reflection = *message.GetReflection();
  field.is_repeated() ? reflection.AddEnum(&message, &field, named)
                      : reflection.SetEnum(&message, &field, named);
}

template <typename Number>
std::optional<Number> MessageReader::ReadWhole(const JsonValue& value,
                                               const Path& path) {
  if (value.kind != JsonKind::kNumber && value.kind != JsonKind::kString) {
    FailKind(value, path, "a whole number");
    return std::nullopt;
  }
  const std::optional<std::string> digits = WholeDigits(value);
  Number number = 0;
  if (digits.has_value() && absl::SimpleAtoi(*digits, &number)) return number;
  // As WholeDigits(), of any size.
  double real = 0;
  const bool is_whole =
      digits.has_value() ||
      (value.kind == JsonKind::kNumber && absl::SimpleAtod(value.text, &real) &&
       real == std::floor(real));
  Fail(value, path,
       absl::StrCat(internal::Quoted(value.text),
                    is_whole ? absl::StrCat(" is outside the range of ",
                                            8 * sizeof(Number), " bits")
                             : " is not a whole number"));
  return std::nullopt;
}

std::optional<double> MessageReader::ReadReal(const JsonValue& value,
                                              const Path& path) {
  double real = 0;
  if (value.kind != JsonKind::kNumber && value.kind != JsonKind::kString) {
    FailKind(value, path, "a number");
  } else if (!absl::SimpleAtod(value.text, &real)) {
    Fail(value, path,
         absl::StrCat(internal::Quoted(value.text), " is not a number"));
  } else if (value.kind == JsonKind::kNumber && !std::isfinite(real)) {
    Fail(value, path,
         absl::StrCat(internal::Quoted(value.text), " is out of range"));
  } else {
    return real;
  }
  return std::nullopt;
}

JsonError ErrorAt(absl::string_view text, size_t at, std::string what) {
  const internal::TextPlace place = internal::PlaceOf(text, at);
  return {.line = place.line, .column = place.column, .what = std::move(what)};
}

JsonError ToError(absl::string_view text,
                  const internal::JsonSyntaxError& error) {
  JsonError made = ErrorAt(text, error.at, error.what);
  made.is_of_syntax = true;
  made.is_of_extent = error.is_of_extent;
  return made;
}

std::optional<JsonError> MessageReader::Take(
    const std::optional<internal::JsonSyntaxError>& syntax_error) && {
  if (syntax_error.has_value() && (what_.empty() || syntax_error->at <= at_)) {
    return ToError(text_, *syntax_error);
  }
  if (what_.empty()) return std::nullopt;
  return ErrorAt(text_, at_, std::move(what_));
}

// Reads what is one object into `object`. `syntax_error` may come after
// an error of what was read before it.
std::optional<JsonError> ReadObject(
    absl::string_view text, JsonValue& object,
    std::optional<internal::JsonSyntaxError>& syntax_error) {
  const auto error = [&](absl::string_view what, bool is_of_extent) {
    JsonError made =
        ErrorAt(text, object.begin,
                absl::StrCat("is ", what, ", should be one JSON object"));
    made.is_of_whole = true;
    made.is_of_extent = is_of_extent;
    return made;
  };
  object.begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const absl::string_view begin = text.substr(object.begin, 1);
  if (begin.empty()) return error("empty", true);
  if (begin == "[") return error("an array", true);
  syntax_error = internal::ReadJson(text, object);
  if (object.kind == JsonKind::kObject) return std::nullopt;
  if (syntax_error.has_value()) {
    if (syntax_error->at == object.begin) {
      syntax_error->what = "does not begin with {";
    }
    return ToError(text, *syntax_error);
  }
  return error(JsonKindName(object.kind), false);
}

std::optional<JsonError> OfLine(absl::string_view line,
                                std::optional<JsonError> error) {
  if (!error.has_value() || !error->is_of_extent) return error;
  // The line's end, which may be the place, is of the line.
  const size_t end = line.find_last_not_of(" \t\r\n");
  const int64_t column_end =
      end == line.npos ? 1 : static_cast<int64_t>(end) + 2;
  if (error->line > 1) error->column = column_end;
  error->column = std::min(error->column, column_end);
  error->line = 1;
  error->what = absl::StrCat(error->what,
                             ": JSON Lines have one object a line, and no "
                             "array around them");
  return error;
}

}  // namespace

std::optional<JsonError> ReadJsonMessage(absl::string_view text,
                                         Message& message,
                                         const JsonMessageOptions& options) {
  message.Clear();
  JsonValue object;
  std::optional<internal::JsonSyntaxError> syntax_error;
  if (auto error = ReadObject(text, object, syntax_error)) return error;
  MessageReader reader(text, options);
  reader.ReadObject(object, nullptr, message);
  return std::move(reader).Take(syntax_error);
}

std::optional<JsonError> ReadJsonLine(absl::string_view line,
                                      Message& message) {
  return OfLine(line, ReadJsonMessage(line, message));
}

std::optional<JsonError> ReadJsonLine(absl::string_view line,
                                      JsonValue& object) {
  std::optional<internal::JsonSyntaxError> syntax_error;
  std::optional<JsonError> error = ReadObject(line, object, syntax_error);
  if (!error.has_value() && syntax_error.has_value()) {
    error = ToError(line, *syntax_error);
  }
  return OfLine(line, std::move(error));
}

}  // namespace konpro

#include "konpro/input/json_message.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"

// One pass over the text beside the message's descriptor finds what protobuf's
// reader would not refuse, or would refuse without a place. What passes is read
// by protobuf.

namespace konpro {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

// A text in place of a part of the input.
struct Edit {
  size_t begin = 0;
  size_t end = 0;
  std::string text;
};

bool IsOf(const Descriptor* type, absl::string_view name) {
  return type != nullptr && type->full_name() == std::string(name);
}

// Whether the members of an object of `type` are its fields, and not what
// somebody writes: those of google.protobuf.Struct and of maps.
bool HasFields(const Descriptor* type) {
  return type != nullptr && !type->options().map_entry() &&
         !absl::StartsWith(std::string(type->full_name()), "google.protobuf.");
}

const FieldDescriptor* FindField(const Descriptor& type,
                                 const std::string& name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  if (field != nullptr) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

// The number of bytes of the UTF-8 sequence at the front of `text`, or 0.
size_t Utf8Bytes(absl::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && follows(1)) return 2;
  if ((first & 0xF0) == 0xE0 && follows(1) && follows(2)) {
    const unsigned code = (first & 0x0F) << 6 | (byte(1) & 0x3F);
    // Neither longer than needed nor half of a surrogate pair.
    return code >= 0x20 && (code < 0x360 || code > 0x37F) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4 && follows(1) && follows(2) &&
      follows(3)) {
    const unsigned code = (first & 0x07) << 6 | (byte(1) & 0x3F);
    return code >= 0x10 && code < 0x110 ? 4 : 0;
  }
  return 0;
}

void AppendUtf8(uint32_t code, std::string& text) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  const auto tail = [&](int shift) { add(0x80 | ((code >> shift) & 0x3F)); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    tail(6);
  } else {
    add(0xF0 | code >> 18);
    tail(12);
    tail(6);
  }
  tail(0);
}

class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  // Whether the text is one object of `type`.
  bool Read(const Descriptor* type) {
    SkipBlanks();
    if (Next() == '[') return ExtentError("an array, not an object");
    if (AtEnd()) return ExtentError("empty, not an object");
    if (Next() != '{') return Error("does not begin with {");
    if (!Object(type, 1)) return false;
    SkipBlanks();
    return AtEnd() || ExtentError("something after the object");
  }

  const JsonError& error() const { return error_; }
  const std::vector<Edit>& edits() const { return edits_; }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Next() const { return AtEnd() ? '\0' : text_[at_]; }

  void SkipBlanks() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
  }

  bool Take(char c) {
    if (AtEnd() || Next() != c) return false;
    ++at_;
    return true;
  }

  // False, as an error of what begins at `at`.
  bool ErrorAt(size_t at, std::string what) {
    const absl::string_view before = text_.substr(0, at);
    error_.line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_end = before.rfind('\n');
    error_.column =
        static_cast<int64_t>(line_end == before.npos ? at + 1 : at - line_end);
    error_.what = std::move(what);
    return false;
  }

  bool ExtentError(std::string what) {
    error_.is_of_extent = true;
    return ErrorAt(at_, std::move(what));
  }

  // What does not go on as JSON does.
  bool Error(std::string what) {
    return AtEnd() ? ExtentError("the object is not closed")
                   : ErrorAt(at_, std::move(what));
  }

  bool Object(const Descriptor* type, int depth);
  bool Array(const FieldDescriptor* field, int depth);
  // A value of `field`, or any value.
  bool Value(const FieldDescriptor* field, bool is_element, int depth);
  bool Scalar(const FieldDescriptor* field);
  bool Text(std::string& text);
  bool Escape(std::string& text);
  bool HexDigits(uint32_t& code);
  bool Number();
  bool Word(absl::string_view word);

  // Whether the scalar at `begin` is one of `field`; `text` is that of a
  // string.
  bool CheckText(const FieldDescriptor& field, const std::string& text,
                 size_t begin);
  bool CheckNumber(const FieldDescriptor& field, size_t begin);

  absl::string_view text_;
  size_t at_ = 0;
  JsonError error_;
  std::vector<Edit> edits_;
};

bool IsWholeNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return true;
    default:
      return false;
  }
}

// Whether `text`, decimal digits with or without a sign, is in the range of
// `field`.
bool IsInRange(const FieldDescriptor& field, absl::string_view text) {
  int32_t i32 = 0;
  int64_t i64 = 0;
  uint32_t u32 = 0;
  uint64_t u64 = 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::SimpleAtoi(text, &i32);
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::SimpleAtoi(text, &i64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::SimpleAtoi(text, &u32);
    default:
      return absl::SimpleAtoi(text, &u64);
  }
}

bool IsInteger(absl::string_view text) {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// Whether protobuf reads `text` as a google.protobuf.Duration.
bool IsProtobufDuration(absl::string_view text) {
  if (text.empty() || text.back() != 's') return false;
  text.remove_suffix(1);
  const size_t point = text.find('.');
  if (!IsInteger(text.substr(0, point))) return false;
  if (point == text.npos) return true;
  const absl::string_view places = text.substr(point + 1);
  return places.size() <= 9 && IsInteger(places) && places.front() != '-';
}

bool Reader::Object(const Descriptor* type, int depth) {
  if (depth > kJsonDepthMax) return Error("is nested too deeply");
  const bool has_fields = HasFields(type);
  const FieldDescriptor* map_value = nullptr;
  if (type != nullptr && type->options().map_entry()) {
    map_value = type->FindFieldByNumber(2);
  }
  absl::flat_hash_set<std::string> seen;
  Take('{');
  SkipBlanks();
  if (Take('}')) return true;
  do {
    SkipBlanks();
    const size_t begin = at_;
    std::string name;
    if (Next() != '"') return Error("no member: its name stands in quotes");
    if (!Text(name)) return false;
    const FieldDescriptor* field = map_value;
    if (has_fields) {
      field = FindField(*type, name);
      if (field == nullptr) {
        std::vector<absl::string_view> known;
        for (int i = 0; i < type->field_count(); ++i) {
          known.push_back(type->field(i)->name());
        }
        return ErrorAt(begin,
                       absl::StrCat("unknown member ", internal::Quoted(name),
                                    internal::Suggestion(name, known)));
      }
      name = field->name();
    }
    if (!seen.insert(name).second) {
      return ErrorAt(begin, absl::StrCat("member ", internal::Quoted(name),
                                         " stands twice"));
    }
    SkipBlanks();
    if (!Take(':')) return Error("no : after the name of a member");
    if (!Value(field, /*is_element=*/field == map_value, depth)) return false;
    SkipBlanks();
  } while (Take(','));
  return Take('}') || Error("neither , nor } after a member");
}

bool Reader::Array(const FieldDescriptor* field, int depth) {
  if (depth > kJsonDepthMax) return Error("is nested too deeply");
  Take('[');
  SkipBlanks();
  if (Take(']')) return true;
  do {
    if (!Value(field, /*is_element=*/true, depth)) return false;
    SkipBlanks();
  } while (Take(','));
  return Take(']') || Error("neither , nor ] after an element");
}

bool Reader::Value(const FieldDescriptor* field, bool is_element, int depth) {
  SkipBlanks();
  const Descriptor* type = field == nullptr ? nullptr : field->message_type();
  const bool is_list = field != nullptr && field->is_repeated() &&
                       !field->is_map() && !is_element;
  const bool is_object =
      !is_list && (HasFields(type) || (field != nullptr && field->is_map()));
  const bool is_scalar = field != nullptr && type == nullptr && !is_list;
  const bool is_null = Next() == 'n';
  if (is_list && Next() != '[' && !is_null) {
    return Error(absl::StrCat(field->name(), ": is no array"));
  }
  if (is_object && Next() != '{' && !is_null) {
    return Error(absl::StrCat(field->name(), ": is no object"));
  }
  if (is_scalar && (Next() == '{' || Next() == '[')) {
    return Error(absl::StrCat(field->name(), ": is an ",
                              Next() == '{' ? "object" : "array",
                              ", not one value"));
  }
  if (Next() == '{') return Object(type, depth + 1);
  if (Next() == '[') return Array(field, depth + 1);
  return Scalar(field);
}

bool Reader::Scalar(const FieldDescriptor* field) {
  const size_t begin = at_;
  if (Next() == '"') {
    std::string text;
    return Text(text) && (field == nullptr || CheckText(*field, text, begin));
  }
  if (Next() == '-' ||
      absl::ascii_isdigit(static_cast<unsigned char>(Next()))) {
    return Number() && (field == nullptr || CheckNumber(*field, begin));
  }
  if (Next() == 'n') return Word("null");
  if (Next() != 't' && Next() != 'f') return Error("no value");
  if (!Word(Next() == 't' ? "true" : "false")) return false;
  if (field != nullptr && field->message_type() == nullptr &&
      field->type() != FieldDescriptor::TYPE_BOOL) {
    return ErrorAt(
        begin, absl::StrCat(field->name(), ": is true or false, not a ",
                            IsWholeNumber(*field) ? "whole number" : "text"));
  }
  return true;
}

bool Reader::CheckText(const FieldDescriptor& field, const std::string& text,
                       size_t begin) {
  const auto error = [&](absl::string_view what) {
    return ErrorAt(begin, absl::StrCat(field.name(), ": ", what));
  };
  if (IsWholeNumber(field)) {
    if (!IsInteger(text)) {
      return error(absl::StrCat(internal::Quoted(text), " is no whole number"));
    }
    return IsInRange(field, text) ||
           error(absl::StrCat(internal::Quoted(text), " is out of range"));
  }
  if (field.type() == FieldDescriptor::TYPE_BOOL) {
    return error("is a text, not true or false");
  }
  if (IsOf(field.message_type(), "google.protobuf.Timestamp")) {
    const absl::StatusOr<absl::Time> time = internal::ParseRfc3339(text);
    return time.ok() || error(time.status().message());
  }
  if (IsOf(field.message_type(), "google.protobuf.Duration") &&
      !IsProtobufDuration(text)) {
    const absl::StatusOr<int64_t> ms =
        ParseQuantity(text, QuantityUnit::kMilliseconds);
    if (!ms.ok()) return error(ms.status().message());
    edits_.push_back(
        {begin, at_,
         absl::StrCat("\"", *ms / 1'000, ".",
                      absl::Dec(*ms % 1'000, absl::kZeroPad3), "s\"")});
  }
  return true;
}

bool Reader::CheckNumber(const FieldDescriptor& field, size_t begin) {
  const absl::string_view number = text_.substr(begin, at_ - begin);
  const auto error = [&](absl::string_view what) {
    return ErrorAt(begin, absl::StrCat(field.name(), ": ", number, what));
  };
  if (field.type() == FieldDescriptor::TYPE_STRING) {
    return error(" is a number, not a text: put it in quotes");
  }
  if (field.type() == FieldDescriptor::TYPE_BOOL) {
    return error(" is a number, not true or false");
  }
  if (IsOf(field.message_type(), "google.protobuf.Duration")) {
    return error(" is a number: time has a unit, as in \"90s\"");
  }
  if (!IsWholeNumber(field)) return true;
  if (IsInteger(number)) {
    return IsInRange(field, number) || error(" is out of range");
  }
  // "1.0" and "1e3" are whole numbers; beyond 2^53 a double may have been
  // rounded to one.
  constexpr double kExactEnd = 9007199254740992.0;
  const double value = std::strtod(std::string(number).c_str(), nullptr);
  if (value != std::floor(value)) return error(" is no whole number");
  return std::abs(value) < kExactEnd ||
         error(" is out of range: write its digits");
}

bool Reader::Text(std::string& text) {
  Take('"');
  while (!Take('"')) {
    if (AtEnd()) return ExtentError("a quote is not closed");
    const auto byte = static_cast<unsigned char>(Next());
    if (byte < 0x20) {
      return ErrorAt(at_, byte == '\n' || byte == '\r'
                              ? "a quote is not closed on its line"
                              : "a control character in quotes");
    }
    if (byte == '\\') {
      if (!Escape(text)) return false;
      continue;
    }
    const size_t bytes = Utf8Bytes(text_.substr(at_));
    if (bytes == 0) return ErrorAt(at_, "not UTF-8");
    const absl::string_view character = text_.substr(at_, bytes);
    text.append(character.data(), character.size());
    at_ += bytes;
  }
  return true;
}

bool Reader::Escape(std::string& text) {
  constexpr absl::string_view kNames = "\"\\/bfnrt";
  constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const size_t begin = at_++;
  const size_t index = kNames.find(Next());
  if (!AtEnd() && index != kNames.npos) {
    text += kMeanings[index];
    ++at_;
    return true;
  }
  uint32_t code = 0;
  if (!Take('u') || !HexDigits(code)) {
    return AtEnd() ? ExtentError("a quote is not closed")
                   : ErrorAt(begin, "no escape of JSON");
  }
  if (code >= 0xD800 && code < 0xE000) {
    uint32_t low = 0;
    if (code >= 0xDC00 || !Take('\\') || !Take('u') || !HexDigits(low) ||
        low < 0xDC00 || low >= 0xE000) {
      return ErrorAt(begin, "half of a surrogate pair");
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(code, text);
  return true;
}

bool Reader::HexDigits(uint32_t& code) {
  constexpr size_t kDigits = 4;
  const absl::string_view digits = text_.substr(at_, kDigits);
  if (digits.size() < kDigits ||
      !std::all_of(digits.begin(), digits.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      })) {
    return false;
  }
  at_ += kDigits;
  return absl::SimpleHexAtoi(digits, &code);
}

bool Reader::Number() {
  const auto digits = [&] {
    const size_t begin = at_;
    while (absl::ascii_isdigit(static_cast<unsigned char>(Next()))) ++at_;
    return at_ > begin;
  };
  Take('-');
  if (!Take('0') && !digits()) return Error("no number: no digits");
  if (Take('.') && !digits()) return Error("no number: no digits after .");
  if (Next() == 'e' || Next() == 'E') {
    ++at_;
    if (!Take('+')) Take('-');
    if (!digits()) return Error("no number: no digits in its exponent");
  }
  const auto next = static_cast<unsigned char>(Next());
  if (absl::ascii_isalnum(next)) {
    return ErrorAt(at_, "no number: put it in quotes, or a blank after it");
  }
  return true;
}

bool Reader::Word(absl::string_view word) {
  if (text_.substr(at_, word.size()) != word) return Error("no value");
  at_ += word.size();
  return true;
}

std::string Edited(absl::string_view text, const std::vector<Edit>& edits) {
  std::string edited;
  size_t copied = 0;
  for (const Edit& edit : edits) {
    absl::StrAppend(&edited, text.substr(copied, edit.begin - copied),
                    edit.text);
    copied = edit.end;
  }
  absl::StrAppend(&edited, text.substr(copied));
  return edited;
}

}  // namespace

std::optional<JsonError> ReadJsonMessage(absl::string_view text,
                                         google::protobuf::Message& message) {
  Reader reader(text);
  const bool is_struct =
      IsOf(message.GetDescriptor(), "google.protobuf.Struct");
  if (!reader.Read(is_struct ? nullptr : message.GetDescriptor())) {
    return reader.error();
  }
  message.Clear();
  const auto status = google::protobuf::util::JsonStringToMessage(
      Edited(text, reader.edits()), &message);
  if (status.ok()) return std::nullopt;
  const std::string what(status.message());
  return JsonError{.what = what.substr(0, what.find('\n'))};
}

std::optional<JsonError> ReadJsonLine(absl::string_view line,
                                      google::protobuf::Message& message) {
  std::optional<JsonError> error = ReadJsonMessage(line, message);
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

}  // namespace konpro

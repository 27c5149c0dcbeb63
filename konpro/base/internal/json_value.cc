#include "konpro/base/internal/json_value.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/json.h"
#include "konpro/base/internal/name.h"

namespace konpro::internal {
namespace {

void AppendUtf8(uint32_t code, std::string& text) {
  const auto append = [&](uint32_t byte) { text += static_cast<char>(byte); };
  const auto tail = [&](int shift) { append(0x80 | ((code >> shift) & 0x3f)); };
  if (code < 0x80) return append(code);
  if (code < 0x800) {
    append(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    append(0xe0 | code >> 12);
    tail(6);
  } else {
    append(0xf0 | code >> 18);
    tail(12);
    tail(6);
  }
  tail(0);
}

// Which names of an object's members were read. Most objects have a few, which
// are compared faster than hashed.
class SeenNames {
 public:
  // Whether the name of the last of `members` is new.
  bool Add(const std::vector<JsonMember>& members) {
    const std::string& name = members.back().name;
    if (members.size() > kComparedMax) {
      if (names_.empty()) {
        for (const JsonMember& member : members) names_.insert(member.name);
        // All names before the last one differ.
        return names_.size() == members.size();
      }
      return names_.insert(name).second;
    }
    return std::none_of(
        members.begin(), members.end() - 1,
        [&](const JsonMember& other) { return other.name == name; });
  }

 private:
  static constexpr size_t kComparedMax = 16;
  absl::flat_hash_set<std::string> names_;
};

// Whether a part of it may have been read, though not all.
bool HasParts(const JsonValue& value) {
  return value.kind == JsonKind::kArray || value.kind == JsonKind::kObject;
}

class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  // False as an error, as all functions below.
  bool Read(JsonValue& value) {
    SkipBlanks();
    if (AtEnd()) return ExtentError("there is no JSON value");
    whole_ = Next() == '{' ? "the object" : "the value";
    if (!ReadValue(value, 0)) return false;
    SkipBlanks();
    return AtEnd() || ExtentError(absl::StrCat("something after ", whole_));
  }

  JsonSyntaxError error() && { return std::move(error_); }

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Next() const { return AtEnd() ? '\0' : text_[at_]; }
  bool NextIsDigit() const {
    return absl::ascii_isdigit(static_cast<unsigned char>(Next()));
  }

  void SkipBlanks() {
    while (!AtEnd() && (Next() == ' ' || Next() == '\t' || Next() == '\r' ||
                        Next() == '\n')) {
      ++at_;
    }
  }

  bool Take(char c) {
    if (AtEnd() || Next() != c) return false;
    ++at_;
    return true;
  }

  bool ErrorAt(size_t at, std::string what) {
    error_.at = at;
    error_.what = std::move(what);
    return false;
  }

  bool ExtentError(std::string what) {
    error_.is_of_extent = true;
    return ErrorAt(at_, std::move(what));
  }

  // What does not go on as JSON does.
  bool Error(std::string what) {
    return AtEnd() ? ExtentError(absl::StrCat(whole_, " is not closed"))
                   : ErrorAt(at_, std::move(what));
  }

  // A value within `depth` arrays and objects.
  bool ReadValue(JsonValue& value, int depth) {
    value.begin = at_;
    switch (Next()) {
      case '{':
        value.kind = JsonKind::kObject;
        return ReadObject(value, depth + 1);
      case '[':
        value.kind = JsonKind::kArray;
        return ReadArray(value, depth + 1);
      case '"':
        value.kind = JsonKind::kString;
        return ReadText(value.text);
      case 'n':
        value.kind = JsonKind::kNull;
        return ReadWord("null");
      case 't':
      case 'f':
        value.kind = JsonKind::kBool;
        if (!ReadWord(Next() == 't' ? "true" : "false")) return false;
        break;
      default:
        if (Next() != '-' && !NextIsDigit()) return Error("no value");
        value.kind = JsonKind::kNumber;
        if (!ReadNumber()) return false;
    }
    value.text = std::string(text_.substr(value.begin, at_ - value.begin));
    return true;
  }

  bool ReadObject(JsonValue& value, int depth);
  // Into the last of `members`.
  bool ReadMember(std::vector<JsonMember>& members, SeenNames& seen, int depth);
  bool ReadArray(JsonValue& value, int depth);
  bool ReadText(std::string& text);
  bool ReadEscape(std::string& text);
  bool ReadHexDigits(uint32_t& code);
  bool ReadNumber();

  bool ReadWord(absl::string_view word) {
    if (text_.substr(at_, word.size()) != word) return Error("no value");
    at_ += word.size();
    return true;
  }

  const absl::string_view text_;
  size_t at_ = 0;
  // What is not closed if the text ends.
  absl::string_view whole_;
  JsonSyntaxError error_;
};

bool Reader::ReadObject(JsonValue& value, int depth) {
  if (depth > kJsonDepthMax) return Error("is nested too deeply");
  Take('{');
  SkipBlanks();
  if (Take('}')) return true;
  SeenNames seen;
  do {
    SkipBlanks();
    if (Next() != '"') return Error("no member: its name stands in quotes");
    value.members.emplace_back();
    if (!ReadMember(value.members, seen, depth)) {
      if (!HasParts(value.members.back().value)) value.members.pop_back();
      return false;
    }
    SkipBlanks();
  } while (Take(','));
  return Take('}') || Error("neither , nor } after a member");
}

bool Reader::ReadMember(std::vector<JsonMember>& members, SeenNames& seen,
                        int depth) {
  JsonMember& member = members.back();
  member.begin = at_;
  if (!ReadText(member.name)) return false;
  if (!seen.Add(members)) {
    return ErrorAt(member.begin, absl::StrCat("member ", Quoted(member.name),
                                              " stands twice"));
  }
  SkipBlanks();
  if (!Take(':')) return Error("no : after the name of a member");
  SkipBlanks();
  return ReadValue(member.value, depth);
}

bool Reader::ReadArray(JsonValue& value, int depth) {
  if (depth > kJsonDepthMax) return Error("is nested too deeply");
  Take('[');
  SkipBlanks();
  if (Take(']')) return true;
  do {
    SkipBlanks();
    if (!ReadValue(value.items.emplace_back(), depth)) {
      if (!HasParts(value.items.back())) value.items.pop_back();
      return false;
    }
    SkipBlanks();
  } while (Take(','));
  return Take(']') || Error("neither , nor ] after an element");
}

bool Reader::ReadText(std::string& text) {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  };
  Take('"');
  for (;;) {
    const size_t begin = at_;
    while (!AtEnd() && is_plain(text_[at_])) ++at_;
    text.append(text_.data() + begin, at_ - begin);
    if (AtEnd()) return ExtentError("a quote is not closed");
    if (Take('"')) return true;
    if (Next() == '\\') {
      if (!ReadEscape(text)) return false;
      continue;
    }
    if (static_cast<unsigned char>(Next()) < 0x20) {
      return ErrorAt(at_, Next() == '\n' || Next() == '\r'
                              ? "a quote is not closed on its line"
                              : "a control character in quotes");
    }
    const size_t bytes = Utf8SequenceBytes(text_.substr(at_));
    if (bytes == 0) return ErrorAt(at_, "not UTF-8");
    text.append(text_.data() + at_, bytes);
    at_ += bytes;
  }
}

bool Reader::ReadEscape(std::string& text) {
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
  if (!Take('u') || !ReadHexDigits(code)) {
    return AtEnd() ? ExtentError("a quote is not closed")
                   : ErrorAt(begin, "no escape of JSON");
  }
  if (code >= 0xd800 && code < 0xe000) {
    uint32_t low = 0;
    if (code >= 0xdc00 || !Take('\\') || !Take('u') || !ReadHexDigits(low) ||
        low < 0xdc00 || low >= 0xe000) {
      return ErrorAt(begin, "half of a surrogate pair");
    }
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }
  AppendUtf8(code, text);
  return true;
}

bool Reader::ReadHexDigits(uint32_t& code) {
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

// RFC 8259, section 6.
bool Reader::ReadNumber() {
  const auto digits = [&] {
    const size_t begin = at_;
    while (NextIsDigit()) ++at_;
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
  return !absl::ascii_isalnum(static_cast<unsigned char>(Next())) ||
         ErrorAt(at_, "no number: put it in quotes, or a blank after it");
}

}  // namespace

absl::string_view JsonKindName(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "a boolean";
    case JsonKind::kNumber:
      return "a number";
    case JsonKind::kString:
      return "a text";
    case JsonKind::kArray:
      return "an array";
    case JsonKind::kObject:
      return "an object";
  }
  return "";
}

std::optional<JsonSyntaxError> ReadJson(absl::string_view text,
                                        JsonValue& value) {
  Reader reader(text);
  if (reader.Read(value)) return std::nullopt;
  return std::move(reader).error();
}

TextPlace PlaceOf(absl::string_view text, size_t at) {
  const absl::string_view before = text.substr(0, at);
  const size_t line_end = before.rfind('\n');
  return {.line = 1 + std::count(before.begin(), before.end(), '\n'),
          .column = static_cast<int64_t>(
              line_end == before.npos ? at + 1 : at - line_end)};
}

}  // namespace konpro::internal

#include "konpro/base/internal/json_value.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "konpro/base/internal/json.h"
#include "konpro/base/internal/name.h"

namespace konpro::internal {
namespace {

void AppendUtf8(uint32_t code, std::string& out) {
  const auto append = [&](uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) return append(code);
  if (code < 0x800) {
    append(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      append(0xe0 | code >> 12);
    } else {
      append(0xf0 | code >> 18);
      append(0x80 | (code >> 12 & 0x3f));
    }
    append(0x80 | (code >> 6 & 0x3f));
  }
  append(0x80 | (code & 0x3f));
}

class JsonParser {
 public:
  explicit JsonParser(absl::string_view text) : text_(text), rest_(text) {}

  absl::StatusOr<JsonValue> Parse() {
    JsonValue value;
    SkipBlanks();
    if (rest_.empty()) return Error("there is no JSON value");
    absl::Status status = ReadValue(0, value);
    if (!status.ok()) return status;
    SkipBlanks();
    if (!rest_.empty()) return Error("there is more after the JSON value");
    return value;
  }

 private:
  absl::Status ErrorAt(absl::string_view rest, absl::string_view what) const {
    const absl::string_view read = text_.substr(0, text_.size() - rest.size());
    const size_t newline = read.rfind('\n');
    const size_t column = newline == absl::string_view::npos
                              ? read.size() + 1
                              : read.size() - newline;
    return absl::InvalidArgumentError(
        absl::StrCat("line ", std::count(read.begin(), read.end(), '\n') + 1,
                     ", column ", column, ": ", what));
  }
  absl::Status Error(absl::string_view what) const {
    return ErrorAt(rest_, what);
  }
  absl::Status Expected(absl::string_view what) const {
    return Error(absl::StrCat(rest_.empty() ? "it ends" : "unexpected byte",
                              " where ", what, " is expected"));
  }

  void SkipBlanks() {
    const size_t first = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(first, rest_.size()));
  }
  bool Consume(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::Status ReadValue(int depth, JsonValue& value) {
    if (depth > kJsonDepthMax) return Error("too many objects in each other");
    if (rest_.empty()) return Expected("a value");
    switch (rest_[0]) {
      case '{':
        return ReadObject(depth, value);
      case '[':
        return ReadArray(depth, value);
      case '"':
        value.kind = JsonKind::kString;
        return ReadString(value.text);
      default:
        return ReadWord(value);
    }
  }

  absl::Status ReadWord(JsonValue& value) {
    const auto ends = [](char c) {
      return !absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' &&
             c != '+' && c != '.';
    };
    const size_t size = static_cast<size_t>(
        std::find_if(rest_.begin(), rest_.end(), ends) - rest_.begin());
    const absl::string_view word = rest_.substr(0, size);
    if (word == "null") {
      value.kind = JsonKind::kNull;
    } else if (word == "true" || word == "false") {
      value.kind = JsonKind::kBool;
    } else if (IsNumber(word)) {
      value.kind = JsonKind::kNumber;
    } else {
      return Expected("a value");
    }
    value.text = std::string(word);
    rest_.remove_prefix(size);
    return absl::OkStatus();
  }

  // RFC 8259, 6.
  static bool IsNumber(absl::string_view word) {
    const auto digits = [&word] {
      size_t count = 0;
      while (!word.empty() &&
             absl::ascii_isdigit(static_cast<unsigned char>(word[0]))) {
        word.remove_prefix(1);
        ++count;
      }
      return count;
    };
    absl::ConsumePrefix(&word, "-");
    const bool zero = !word.empty() && word[0] == '0';
    const size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (absl::ConsumePrefix(&word, ".") && digits() == 0) return false;
    if (absl::ConsumePrefix(&word, "e") || absl::ConsumePrefix(&word, "E")) {
      if (!absl::ConsumePrefix(&word, "-")) absl::ConsumePrefix(&word, "+");
      if (digits() == 0) return false;
    }
    return word.empty();
  }

  absl::Status ReadHex(uint32_t& code) {
    code = 0;
    for (int i = 0; i < 4; ++i) {
      if (rest_.empty() ||
          !absl::ascii_isxdigit(static_cast<unsigned char>(rest_[0]))) {
        return Expected("a hexadecimal digit");
      }
      const char c = absl::ascii_tolower(static_cast<unsigned char>(rest_[0]));
      code =
          code * 16 + static_cast<uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      rest_.remove_prefix(1);
    }
    return absl::OkStatus();
  }

  absl::Status ReadEscape(std::string& out) {
    constexpr absl::string_view kNames = "\"\\/bfnrt";
    constexpr absl::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return Expected("an escape");
    const size_t at = kNames.find(rest_[0]);
    if (at != absl::string_view::npos) {
      out += kMeanings[at];
      rest_.remove_prefix(1);
      return absl::OkStatus();
    }
    if (!Consume('u')) return Expected("an escape");
    uint32_t code = 0;
    absl::Status status = ReadHex(code);
    if (!status.ok()) return status;
    if (code >= 0xd800 && code < 0xdc00) {
      uint32_t low = 0;
      if (!absl::ConsumePrefix(&rest_, "\\u")) return Expected("a surrogate");
      status = ReadHex(low);
      if (!status.ok()) return status;
      if (low < 0xdc00 || low > 0xdfff) return Expected("a surrogate");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
      return Error("a surrogate stands alone");
    }
    AppendUtf8(code, out);
    return absl::OkStatus();
  }

  absl::Status ReadString(std::string& out) {
    if (!Consume('"')) return Expected("a text in quotes");
    for (;;) {
      if (rest_.empty()) return Expected("the end of a text");
      if (Consume('"')) return absl::OkStatus();
      if (Consume('\\')) {
        absl::Status status = ReadEscape(out);
        if (!status.ok()) return status;
        continue;
      }
      if (static_cast<unsigned char>(rest_[0]) < 0x20) {
        return Error("a control character in a text");
      }
      const size_t bytes = Utf8SequenceBytes(rest_);
      if (bytes == 0) return Error("a byte that is no UTF-8");
      out.append(rest_.data(), bytes);
      rest_.remove_prefix(bytes);
    }
  }

  absl::Status ReadArray(int depth, JsonValue& value) {
    value.kind = JsonKind::kArray;
    Consume('[');
    SkipBlanks();
    if (Consume(']')) return absl::OkStatus();
    for (;;) {
      SkipBlanks();
      absl::Status status = ReadValue(depth + 1, value.items.emplace_back());
      if (!status.ok()) return status;
      SkipBlanks();
      if (Consume(']')) return absl::OkStatus();
      if (!Consume(',')) return Expected("\",\" or \"]\"");
    }
  }

  absl::Status ReadObject(int depth, JsonValue& value) {
    value.kind = JsonKind::kObject;
    Consume('{');
    SkipBlanks();
    if (Consume('}')) return absl::OkStatus();
    for (;;) {
      SkipBlanks();
      const absl::string_view at = rest_;
      JsonMember member;
      absl::Status status = ReadString(member.name);
      if (!status.ok()) return status;
      for (const JsonMember& other : value.members) {
        if (other.name == member.name) {
          return ErrorAt(at, absl::StrCat("member ", Quoted(member.name),
                                          " stands twice"));
        }
      }
      SkipBlanks();
      if (!Consume(':')) return Expected("\":\"");
      SkipBlanks();
      status = ReadValue(depth + 1, member.value);
      if (!status.ok()) return status;
      value.members.push_back(std::move(member));
      SkipBlanks();
      if (Consume('}')) return absl::OkStatus();
      if (!Consume(',')) return Expected("\",\" or \"}\"");
    }
  }

  const absl::string_view text_;
  absl::string_view rest_;
};

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

absl::StatusOr<JsonValue> ParseJson(absl::string_view text) {
  return JsonParser(text).Parse();
}

}  // namespace konpro::internal

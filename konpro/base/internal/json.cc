#include "konpro/base/internal/json.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_format.h"

namespace konpro::internal {
namespace {

void AppendCharacter(absl::string_view character, std::string& out) {
  const char c = character[0];
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f || c == '<' ||
             c == '>' || c == '&') {
    absl::StrAppendFormat(&out, "\\u%04x", c);
  } else if (character == "\u2028") {
    out += "\\u2028";
  } else if (character == "\u2029") {
    out += "\\u2029";
  } else {
    out.append(character.data(), character.size());
  }
}

}  // namespace

// Unicode 15, table 3-7.
size_t Utf8SequenceBytes(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i, uint8_t low = 0x80,
                             uint8_t high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool second =
        continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return second && continues(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool second =
        continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const size_t bytes = Utf8SequenceBytes(text);
    if (bytes == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    AppendCharacter(text.substr(0, bytes), out);
    text.remove_prefix(bytes);
  }
  out += '"';
}

}  // namespace konpro::internal

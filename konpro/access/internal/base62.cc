#include "konpro/access/internal/base62.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace konpro::internal {
namespace {

constexpr uint32_t kBase = kBase62Digits.size();
// The bytes below are 4 to a digit; those from here on would make the first
// eight digits likelier, and are dropped.
constexpr uint32_t kFairMax = 256 / kBase * kBase;
static_assert(kBase == 62 && kFairMax == 248);

}  // namespace

bool IsBase62(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c); });
}

bool RandomBase62(RandomBytes bytes, absl::Span<char> digits) {
  std::array<uint8_t, 32> drawn;
  size_t filled = 0;
  while (filled < digits.size() && bytes(absl::MakeSpan(drawn))) {
    for (const uint8_t byte : drawn) {
      if (byte >= kFairMax || filled == digits.size()) continue;
      digits[filled++] = kBase62Digits[byte % kBase];
    }
  }
  OPENSSL_cleanse(drawn.data(), drawn.size());
  return filled == digits.size();
}

void EncodeBase62(uint32_t value, absl::Span<char> digits) {
  for (size_t i = digits.size(); i > 0; --i) {
    digits[i - 1] = kBase62Digits[value % kBase];
    value /= kBase;
  }
}

}  // namespace konpro::internal

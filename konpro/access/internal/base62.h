// Base62: the digits 0-9, A-Z, a-z, in this order.
#ifndef KONPRO_ACCESS_INTERNAL_BASE62_H_
#define KONPRO_ACCESS_INTERNAL_BASE62_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace konpro::internal {

inline constexpr absl::string_view kBase62Digits =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool IsBase62(absl::string_view text);

// Fills the span with random bytes, or returns false.
using RandomBytes = absl::FunctionRef<bool(absl::Span<uint8_t>)>;

// Fills `digits` with random ones: each of the 62 is as likely as any other
// where each byte is. False if `bytes` returns it. What it was given is
// wiped.
bool RandomBase62(RandomBytes bytes, absl::Span<char> digits);

// `value` in as many digits as the span has, the most significant first.
// REQUIRES: value < 62^digits.size().
void EncodeBase62(uint32_t value, absl::Span<char> digits);

}  // namespace konpro::internal

#endif  // KONPRO_ACCESS_INTERNAL_BASE62_H_

// JSON (RFC 8259) written by hand, on paths that link no protobuf.
//
//   AppendJsonString("a\"b\n", out)      // "a\"b\n", quotes included
//
// Thread safety: pure.
#ifndef KONPRO_BASE_INTERNAL_JSON_H_
#define KONPRO_BASE_INTERNAL_JSON_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace konpro::internal {

// Appends `text` in quotes. What is no UTF-8 becomes U+FFFD, byte by byte; what
// has a meaning in HTML (<, >, &) is escaped too, as are U+2028 and U+2029,
// which end a line in older JavaScript.
void AppendJsonString(absl::string_view text, std::string& out);

// The bytes of the well-formed UTF-8 sequence that `text` begins with, or 0.
// REQUIRES: `text` is not empty.
size_t Utf8SequenceBytes(absl::string_view text);

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_JSON_H_

// Names that people type: which are legal, and which known one was meant.
#ifndef KONPRO_BASE_INTERNAL_NAME_H_
#define KONPRO_BASE_INTERNAL_NAME_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace konpro::internal {

// What a name may look like, for error messages.
inline constexpr absl::string_view kNameRule =
    "a lower-case letter, then lower-case letters, digits and _";

// Whether `name` is kNameRule and has 1 .. `bytes_max` bytes.
bool IsName(absl::string_view name, size_t bytes_max);

// Whether `id` has 1 .. `bytes_max` bytes, all of them printable ASCII and no
// blank: what others call their accounts, jobs and records.
bool IsId(absl::string_view id, size_t bytes_max);

// kInvalidArgument if it is not IsId(), with the id: `field: "a b" is not 1 to
// 128 bytes of printable ASCII without blanks`.
absl::Status CheckId(absl::string_view field, absl::string_view id,
                     size_t bytes_max);

// The name in `known` with the smallest edit distance from `name`, ignoring
// case; the first of equals. "" if none is near (distance above a third of
// the longer name, and above 2).
absl::string_view NearestName(absl::string_view name,
                              absl::Span<const absl::string_view> known);

// `; did you mean "x"?` with the nearest of `known`, or `; known: "a", "b"`
// if none is near, or "" if none is known.
std::string Suggestion(absl::string_view name,
                       absl::Span<const absl::string_view> known);

// `text` in quotes for an error message: cut after 40 bytes, anything but
// printable ASCII shown as "?". What looks like an API key, put in a wrong
// place by mistake, is cut after its prefix: messages go to logs.
std::string Quoted(absl::string_view text);

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_NAME_H_

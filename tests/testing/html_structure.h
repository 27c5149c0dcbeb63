// What a page of HTML is made of, whatever its texts say.
#ifndef KONPRO_TESTS_TESTING_HTML_STRUCTURE_H_
#define KONPRO_TESTS_TESTING_HTML_STRUCTURE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace konpro::testing {

// Every tag in order, with the names of its attributes but not their values:
// "p class", "/p". Texts and values that hold a tag of their own would show up
// here. Comments and declarations are tags as well; what is inside of a style
// element is not looked at.
std::vector<std::string> TagsOf(absl::string_view html);

// The first thing that is wrong with how the tags are nested, or "": an element
// that is not closed, or closed where another one is open.
std::string NestingError(absl::string_view html);

// How often `part` is in `text`.
int CountOf(absl::string_view part, absl::string_view text);

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_HTML_STRUCTURE_H_

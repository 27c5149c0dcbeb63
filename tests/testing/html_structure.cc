#include "tests/testing/html_structure.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace konpro::testing {
namespace {

// A tag as it is written, without its brackets, and the values of attributes
// left out.
std::string TagAt(absl::string_view html, size_t& at) {
  std::string tag;
  char quote = 0;
  for (++at; at < html.size(); ++at) {
    const char c = html[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      break;
    } else if (c != '=') {
      tag += c;
    }
  }
  return tag;
}

absl::string_view NameOf(absl::string_view tag) {
  tag.remove_suffix(absl::EndsWith(tag, "/") ? 1 : 0);
  return tag.substr(0, std::min(tag.size(), tag.find(' ')));
}

}  // namespace

std::vector<std::string> TagsOf(absl::string_view html) {
  std::vector<std::string> tags;
  for (size_t at = 0; at < html.size(); ++at) {
    if (html[at] != '<') continue;
    tags.push_back(TagAt(html, at));
    if (tags.back() == "style") at = html.find("</style>", at) - 1;
  }
  return tags;
}

std::string NestingError(absl::string_view html) {
  std::vector<std::string> open;
  for (const std::string& tag : TagsOf(html)) {
    const std::string name(NameOf(tag));
    if (name == "!DOCTYPE" || name == "meta" || name == "wbr" ||
        absl::EndsWith(tag, "/")) {
      continue;
    }
    if (!absl::StartsWith(name, "/")) {
      open.push_back(name);
      continue;
    }
    if (open.empty() || open.back() != name.substr(1)) {
      return absl::StrCat("<", name, "> inside of <",
                          open.empty() ? "" : open.back(), ">");
    }
    open.pop_back();
  }
  return open.empty() ? "" : absl::StrCat("<", open.back(), "> is not closed");
}

int CountOf(absl::string_view part, absl::string_view text) {
  int count = 0;
  for (size_t at = text.find(part); at != text.npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

}  // namespace konpro::testing

#include "konpro/base/internal/name.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace konpro::internal {
namespace {

constexpr size_t kQuotedBytesMax = 40;
constexpr size_t kListedNamesMax = 20;
// Of api_key.h. What is much shorter than a key is a name or a typing error.
constexpr absl::string_view kApiKeyPrefix = "kp_";
constexpr size_t kApiKeyShownMax = 16;

bool IsLower(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c));
}
bool IsDigit(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// Levenshtein distance in one row.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t same =
          diagonal + (absl::ascii_tolower(a[i]) != absl::ascii_tolower(b[j]));
      diagonal = row[j + 1];
      row[j + 1] = std::min({same, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

bool IsName(absl::string_view name, size_t bytes_max) {
  return !name.empty() && name.size() <= bytes_max && IsLower(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return IsLower(c) || IsDigit(c) || c == '_';
         });
}

bool IsId(absl::string_view id, size_t bytes_max) {
  return !id.empty() && id.size() <= bytes_max &&
         std::all_of(id.begin(), id.end(),
                     [](unsigned char c) { return absl::ascii_isgraph(c); });
}

absl::Status CheckId(absl::string_view field, absl::string_view id,
                     size_t bytes_max) {
  if (IsId(id, bytes_max)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", Quoted(id), " is not 1 to ", bytes_max,
                   " bytes of printable ASCII without blanks"));
}

absl::string_view NearestName(absl::string_view name,
                              absl::Span<const absl::string_view> known) {
  absl::string_view nearest;
  // A name longer than this is near to nothing, and would take long to compare.
  constexpr size_t kComparedBytesMax = 256;
  if (name.size() > kComparedBytesMax) return nearest;
  size_t best = std::string::npos;
  for (absl::string_view candidate : known) {
    if (candidate.size() > kComparedBytesMax) continue;
    const size_t distance = EditDistance(name, candidate);
    const size_t near_max =
        std::max<size_t>(2, std::max(name.size(), candidate.size()) / 3);
    if (distance <= near_max && distance < best &&
        distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string Suggestion(absl::string_view name,
                       absl::Span<const absl::string_view> known) {
  const absl::string_view nearest = NearestName(name, known);
  if (!nearest.empty()) {
    return absl::StrCat("; did you mean ", Quoted(nearest), "?");
  }
  if (known.empty()) return "";
  const bool all = known.size() <= kListedNamesMax;
  return absl::StrCat(
      "; known: ",
      absl::StrJoin(all ? known : known.first(kListedNamesMax), ", ",
                    [](std::string* out, absl::string_view listed) {
                      *out += Quoted(listed);
                    }),
      all ? "" : ", ...");
}

std::string Quoted(absl::string_view text) {
  size_t shown = std::min(text.size(), kQuotedBytesMax);
  const size_t key = text.find(kApiKeyPrefix);
  if (key != absl::string_view::npos && text.size() - key > kApiKeyShownMax) {
    shown = std::min(shown, key + kApiKeyPrefix.size());
  }
  std::string quoted = absl::StrCat("\"", text.substr(0, shown));
  if (shown < text.size()) quoted += "...";
  for (char& c : quoted) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return quoted + "\"";
}

}  // namespace konpro::internal

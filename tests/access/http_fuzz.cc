// Any headers, one a line as `name:value`: the key that is found is the one
// that a plainer search finds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "konpro/access/api_key.h"
#include "konpro/access/http.h"

namespace {

std::string Trimmed(std::string value) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && is_blank(value.back())) value.pop_back();
  while (!value.empty() && is_blank(value.front())) value.erase(0, 1);
  return value;
}

std::string Expected(const std::vector<konpro::HttpHeader>& headers) {
  std::vector<std::string> values;
  for (const konpro::HttpHeader& header : headers) {
    if (absl::AsciiStrToLower(header.name) == "x-api-key") {
      values.emplace_back(header.value);
    }
  }
  if (values.empty()) return "";
  if (values.size() > 1 || values[0].size() > 256) return "-";
  return Trimmed(values[0]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<konpro::HttpHeader> headers;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> header =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    headers.push_back({header.first, header.second});
  }
  const konpro::ApiKeyText key = konpro::ApiKeyFromHeaders(headers);
  if (key.Reveal() != Expected(headers)) std::abort();
  return 0;
}

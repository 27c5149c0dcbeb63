#include "konpro/report/internal/percent_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "konpro/base/internal/mul_div.h"

namespace konpro {

std::optional<int64_t> PercentHundredths(Credits part, Credits whole) {
  if (whole == Credits()) return std::nullopt;
  return internal::MulDivHalfEven(part.ticks(), 10'000, whole.ticks());
}

std::string PercentText(std::optional<int64_t> hundredths) {
  if (!hundredths.has_value()) return "-";
  const uint64_t magnitude =
      *hundredths < 0 ? uint64_t{0} - static_cast<uint64_t>(*hundredths)
                      : static_cast<uint64_t>(*hundredths);
  return absl::StrFormat("%s%d.%02d%%", *hundredths < 0 ? "-" : "",
                         magnitude / 100, magnitude % 100);
}

std::string SignedPercentText(std::optional<int64_t> hundredths) {
  return absl::StrCat(hundredths.value_or(0) > 0 ? "+" : "",
                      PercentText(hundredths));
}

std::string SignedText(const v1::Amount& amount) {
  return absl::StrCat(amount.ticks() > 0 ? "+" : "", amount.credits());
}

void ShareOut(const std::vector<v1::Amount*>& parts, Credits total) {
  std::vector<Credits> credits;
  for (const v1::Amount* part : parts) {
    credits.push_back(Credits::FromTicks(part->ticks()));
  }
  const std::vector<ShownCredits> shown = ShowParts(credits, Show(total));
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i]->set_credits(shown[i].ToString());
  }
}

}  // namespace konpro

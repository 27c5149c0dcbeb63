#include "konpro/catalog/plan.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {

absl::StatusOr<Plan> Plan::Create(Spec spec) {
  if (!internal::IsName(spec.name, kNameBytesMax)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "name: ", internal::Quoted(spec.name), " is no plan name: write ",
        internal::kNameRule, ", at most ", kNameBytesMax));
  }
  if (spec.title.empty()) spec.title = spec.name;
  if (spec.title.size() > kTitleBytesMax ||
      !std::all_of(spec.title.begin(), spec.title.end(),
                   [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "title: ", internal::Quoted(spec.title), " is no title: write at most ",
        kTitleBytesMax, " printable ASCII characters"));
  }
  if (spec.windows.size() > kWindowsMax) {
    return absl::InvalidArgumentError(absl::StrCat("windows[", kWindowsMax,
                                                   "]: a plan has at most ",
                                                   kWindowsMax, " windows"));
  }
  if (spec.windows.size() == 2 &&
      spec.windows[0].name() == spec.windows[1].name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("windows[1].name: \"", spec.windows[1].name(),
                     "\" is the first window's name already"));
  }
  if (spec.operations.size() > kOperationsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("operations[", kOperationsMax, "]: a plan has at most ",
                     kOperationsMax, " operations"));
  }
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 0; i < spec.operations.size(); ++i) {
    if (seen.insert(spec.operations[i]).second) continue;
    return absl::InvalidArgumentError(absl::StrCat("operations[", i, "]: \"",
                                                   spec.operations[i],
                                                   "\" is allowed already"));
  }
  if (spec.price.has_value()) {
    const absl::Status status = spec.price->Validate();
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("price.", status.message()));
    }
  }
  return Plan(std::move(spec));
}

bool Plan::Allows(absl::string_view operation) const {
  return std::any_of(
      spec_.operations.begin(), spec_.operations.end(),
      [&](const std::string& allowed) { return allowed == operation; });
}

}  // namespace konpro

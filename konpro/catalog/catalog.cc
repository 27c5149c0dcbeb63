#include "konpro/catalog/catalog.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

absl::Status CheckCount(absl::string_view field, size_t count, size_t min,
                        size_t max) {
  if (count < min) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": missing: a catalog has at least ", min));
  }
  if (count > max) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, "[", max, "]: a catalog has at most ", max, ", not ", count));
  }
  return absl::OkStatus();
}

absl::Status CheckVersion(absl::string_view version) {
  const bool printable =
      std::all_of(version.begin(), version.end(),
                  [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (version.empty() || version.size() > Catalog::kVersionBytesMax ||
      !printable) {
    return absl::InvalidArgumentError(absl::StrCat(
        "version: ", internal::Quoted(version), " is no version: write 1 to ",
        Catalog::kVersionBytesMax, " printable characters without blanks"));
  }
  return absl::OkStatus();
}

absl::Status CheckOperations(const std::vector<Operation>& operations) {
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 0; i < operations.size(); ++i) {
    const absl::Status status = ValidateOperation(operations[i]);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("operations[", i, "].", status.message()));
    }
    if (!seen.insert(operations[i].name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("operations[", i, "].name: operation \"",
                       operations[i].name, "\" is there already"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPriceLists(const Catalog& catalog,
                             const std::vector<PriceList>& lists) {
  for (size_t i = 0; i < lists.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (lists[k].effective_at() != lists[i].effective_at()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "price_lists[", i, "].effective_at: overlaps price_lists[", k,
          "], which is in effect from the same instant"));
    }
    for (size_t k = 0; k < lists[i].entries().size(); ++k) {
      const std::string& name = lists[i].entries()[k].operation;
      if (catalog.FindOperation(name) != nullptr) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "price_lists[", i, "].prices[", k,
          "].operation: ", catalog.UnknownOperation(name).message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPlans(const Catalog& catalog) {
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 0; i < catalog.plans().size(); ++i) {
    const Plan& plan = catalog.plans()[i];
    if (!seen.insert(plan.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "plans[", i, "].name: plan \"", plan.name(), "\" is there already"));
    }
    for (size_t k = 0; k < plan.operations().size(); ++k) {
      const std::string& name = plan.operations()[k];
      if (catalog.FindOperation(name) != nullptr) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("plans[", i, "].operations[", k,
                       "]: ", catalog.UnknownOperation(name).message()));
    }
  }
  return absl::OkStatus();
}

template <typename T, typename NameOf>
absl::Status Unknown(absl::string_view what, absl::string_view name,
                     absl::Span<const T> known, NameOf name_of) {
  std::vector<absl::string_view> names;
  for (const T& item : known) names.push_back(name_of(item));
  return absl::InvalidArgumentError(
      absl::StrCat("unknown ", what, " ", internal::Quoted(name),
                   internal::Suggestion(name, names)));
}

// Built-in data is right, or the program must not run.
template <typename T>
T Built(absl::StatusOr<T> result) {
  return *std::move(result);
}

Price PublishedPrice(absl::string_view credits, int64_t per) {
  return Built(
      Price::Create({.credits = Built(Credits::Parse(credits)), .per = per}));
}

Plan PublishedPlan(absl::string_view name, absl::string_view title,
                   std::vector<RateWindow> windows,
                   std::vector<std::string> operations) {
  return Built(Plan::Create({.name = std::string(name),
                             .title = std::string(title),
                             .windows = std::move(windows),
                             .operations = std::move(operations)}));
}

std::vector<RateWindow> PerMinuteAndDay(int64_t per_minute, int64_t per_day) {
  return {
      Built(RateWindow::Create(
          {.name = "minute", .limit = per_minute, .period = absl::Minutes(1)})),
      Built(RateWindow::Create(
          {.name = "day", .limit = per_day, .period = absl::Hours(24)}))};
}

Catalog::Spec Published() {
  const std::vector<std::string> all = {"avatar_video", "video_translation",
                                        "photo_avatar", "interactive_avatar"};
  const std::vector<std::string> free = {"avatar_video", "video_translation",
                                         "interactive_avatar"};
  constexpr int64_t kSecondMs = 1'000;
  constexpr int64_t kMinuteMs = 60'000;
  Catalog::Spec spec;
  spec.version = "builtin-1";
  spec.operations = {{"avatar_video", QuantityUnit::kMilliseconds, "ms"},
                     {"video_translation", QuantityUnit::kMilliseconds, "ms"},
                     {"photo_avatar", QuantityUnit::kCount, "image"},
                     {"interactive_avatar", QuantityUnit::kMilliseconds, "ms"}};
  spec.price_lists.push_back(Built(PriceList::Create(
      absl::InfinitePast(),
      {{"avatar_video", PublishedPrice("1", kSecondMs)},
       {"video_translation", PublishedPrice("0.5", kSecondMs)},
       {"photo_avatar", PublishedPrice("2", 1)},
       {"interactive_avatar", PublishedPrice("0.1", kMinuteMs)}})));
  spec.plans = {
      PublishedPlan("free_trial", "Free Trial", PerMinuteAndDay(10, 100), free),
      PublishedPlan("pro", "Pro", PerMinuteAndDay(60, 1'000), all),
      PublishedPlan("scale", "Scale", PerMinuteAndDay(300, 10'000), all),
      PublishedPlan("enterprise", "Enterprise", {}, all)};
  return spec;
}

}  // namespace

absl::StatusOr<Catalog> Catalog::Create(Spec spec) {
  for (const absl::Status& status :
       {CheckVersion(spec.version),
        CheckCount("operations", spec.operations.size(), 1, kOperationsMax),
        CheckCount("price_lists", spec.price_lists.size(), 0, kPriceListsMax),
        CheckCount("plans", spec.plans.size(), 1, kPlansMax),
        CheckOperations(spec.operations)}) {
    if (!status.ok()) return status;
  }
  // In the caller's order, so that a place in a message is the caller's.
  const std::vector<PriceList> lists = spec.price_lists;
  Catalog catalog(std::move(spec));
  for (const absl::Status& status :
       {CheckPriceLists(catalog, lists), CheckPlans(catalog)}) {
    if (!status.ok()) return status;
  }
  return catalog;
}

Catalog::Catalog(Spec spec) : spec_(std::move(spec)) {
  std::sort(spec_.price_lists.begin(), spec_.price_lists.end(),
            [](const PriceList& a, const PriceList& b) {
              return a.effective_at() < b.effective_at();
            });
  for (size_t i = 0; i < spec_.operations.size(); ++i) {
    operation_index_.emplace(spec_.operations[i].name, i);
  }
}

const Catalog& Catalog::BuiltIn() {
  static const Catalog& catalog = *new Catalog(Built(Create(Published())));
  return catalog;
}

const Operation* Catalog::FindOperation(absl::string_view name) const {
  const auto found = operation_index_.find(name);
  return found == operation_index_.end() ? nullptr
                                         : &spec_.operations[found->second];
}

const Plan* Catalog::FindPlan(absl::string_view name) const {
  for (const Plan& plan : spec_.plans) {
    if (plan.name() == name) return &plan;
  }
  return nullptr;
}

const PriceList* Catalog::PricesAt(absl::Time time) const {
  const auto after =
      std::upper_bound(spec_.price_lists.begin(), spec_.price_lists.end(), time,
                       [](absl::Time t, const PriceList& list) {
                         return t < list.effective_at();
                       });
  return after == spec_.price_lists.begin() ? nullptr : &*(after - 1);
}

absl::Status Catalog::UnknownOperation(absl::string_view name) const {
  return Unknown("operation", name, operations(),
                 [](const Operation& o) { return absl::string_view(o.name); });
}

absl::Status Catalog::UnknownPlan(absl::string_view name) const {
  return Unknown("plan", name, plans(),
                 [](const Plan& p) { return absl::string_view(p.name()); });
}

}  // namespace konpro

// A Plan is what a customer subscribes to: which operations it may run, how
// many requests it may make and, if its catalog says so, what it costs in
// money. What jobs cost in credits is price_list.h, the same under every plan.
//
//   const Plan& pro = *Catalog::BuiltIn().FindPlan("pro");
//   pro.windows()                    // minute: 60 per 1m, day: 1000 per 24h
//   pro.Allows("photo_avatar")       // true
//   pro.has_windows()                // true; "enterprise": false
//
//   PlanPrice price = {"USD", *Money::Parse("99"), *Money::Parse("0.01")};
//   const Credits credits = *Credits::Parse("5130");
//   price.CostOf(credits, /*months=*/1)->ToString()          // "150.3"
//
// A plan without windows does not mean "unlimited": an account on it must be
// given windows of its own, and nothing is admitted before it has them.
// Requests that are not metered at all are allowed by every plan.
//
// Thread safety: immutable; Money and PlanPrice but for assignment. All
// functions are pure.
//
// Limits: name 1 .. 48 bytes; title 0 .. 64 bytes of ASCII; at most two
// windows, of different names; at most 256 operations; a currency is three
// capital letters (ISO 4217), a price 0 .. 1,000,000,000 of it to six places.
#ifndef KONPRO_CATALOG_PLAN_H_
#define KONPRO_CATALOG_PLAN_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/credits.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

// An exact amount of some currency, in millionths.
struct Money {
  int64_t millionths = 0;

  // Reads what Credits::Parse() reads. Errors as there.
  static absl::StatusOr<Money> Parse(absl::string_view text);

  // The shortest decimal that is exact.
  std::string ToString() const;

  friend auto operator<=>(const Money&, const Money&) = default;
};

// So much a month and so much a credit.
struct PlanPrice {
  static constexpr int64_t kMillionthsMax = int64_t{1'000'000'000} * 1'000'000;

  std::string currency;
  Money per_month;
  Money per_credit;

  // kInvalidArgument if a rule above is broken. The message begins with the
  // field's name.
  absl::Status Validate() const;

  // What `credits` in so many months cost: rounded to millionths once, half to
  // even. nullopt if that leaves the range.
  // REQUIRES: valid; no negative.
  std::optional<Money> CostOf(Credits credits, int64_t months) const;

  friend bool operator==(const PlanPrice&, const PlanPrice&) = default;
};

class Plan {
 public:
  static constexpr size_t kNameBytesMax = 48;
  static constexpr size_t kTitleBytesMax = 64;
  static constexpr size_t kOperationsMax = 256;

  struct Spec {
    // A lower-case letter, then lower-case letters, digits and "_".
    std::string name;
    // As people read it; the name if it is empty.
    std::string title;
    std::vector<RateWindow> windows;
    // Names of the operations that the plan allows.
    std::vector<std::string> operations;
    // In money; nullopt if unknown.
    std::optional<PlanPrice> price;
  };

  // kInvalidArgument if a rule above is broken. The message begins with the
  // field's place, such as `windows[2]: `.
  static absl::StatusOr<Plan> Create(Spec spec);

  const std::string& name() const { return spec_.name; }
  const std::string& title() const { return spec_.title; }
  absl::Span<const RateWindow> windows() const { return spec_.windows; }
  absl::Span<const std::string> operations() const { return spec_.operations; }
  const std::optional<PlanPrice>& price() const { return spec_.price; }
  bool has_windows() const { return !spec_.windows.empty(); }
  bool Allows(absl::string_view operation) const;

  friend bool operator==(const Plan& a, const Plan& b) {
    return a.name() == b.name() && a.title() == b.title() &&
           a.windows() == b.windows() && a.operations() == b.operations() &&
           a.price() == b.price();
  }

 private:
  explicit Plan(Spec spec) : spec_(std::move(spec)) {}

  Spec spec_;
};

}  // namespace konpro

#endif  // KONPRO_CATALOG_PLAN_H_

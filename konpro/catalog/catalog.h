// A Catalog has everything that is sold: operations, price lists by effective
// time, and plans. It is built once and shared; a new version is a new Catalog.
//
//   const Catalog& catalog = Catalog::BuiltIn();
//   catalog.FindPlan("scale")->windows()[0].limit()            // 300
//   catalog.PricesAt(absl::Now())->Find("photo_avatar")
//       ->CostOf(3)                                            // 6 credits
//   catalog.UnknownOperation("avatar_vidio")
//       // kInvalidArgument: ...; did you mean "avatar_video"?
//
// The built-in catalog is the one source of the published prices and limits.
// catalog_file.h reads and writes other catalogs.
//
// Thread safety: immutable.
//
// Limits: version 1 .. 64 printable bytes; 1 .. 256 operations, 1 .. 64 plans,
// 0 .. 1024 price lists.
#ifndef KONPRO_CATALOG_CATALOG_H_
#define KONPRO_CATALOG_CATALOG_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/plan.h"
#include "konpro/catalog/price_list.h"

namespace konpro {

class Catalog {
 public:
  static constexpr size_t kVersionBytesMax = 64;
  static constexpr size_t kOperationsMax = 256;
  static constexpr size_t kPlansMax = 64;
  static constexpr size_t kPriceListsMax = 1024;

  struct Spec {
    std::string version;
    std::vector<Operation> operations;
    // In any order. A list is in effect from its effective_at() until the next
    // one's.
    std::vector<PriceList> price_lists;
    std::vector<Plan> plans;
  };

  // kInvalidArgument: a limit above is broken, no operation or no plan, a name
  // twice, two lists in effect from the same instant, a price or a plan that
  // names an unknown operation. The message begins with the field's place,
  // such as `plans[1].operations[0]: `.
  static absl::StatusOr<Catalog> Create(Spec spec);

  // The published prices and plans. Never destroyed.
  static const Catalog& BuiltIn();

  const std::string& version() const { return spec_.version; }
  absl::Span<const Operation> operations() const { return spec_.operations; }
  absl::Span<const Plan> plans() const { return spec_.plans; }
  // Ordered by effective_at().
  absl::Span<const PriceList> price_lists() const { return spec_.price_lists; }

  // nullptr if there is none. The pointers live as long as the catalog, and
  // an operation's index is `FindOperation(name) - operations().data()`.
  const Operation* FindOperation(absl::string_view name) const;
  const Plan* FindPlan(absl::string_view name) const;

  // The list in effect at `time`, or nullptr before the first.
  const PriceList* PricesAt(absl::Time time) const;

  // kInvalidArgument that names the nearest known name, or all of them.
  absl::Status UnknownOperation(absl::string_view name) const;
  absl::Status UnknownPlan(absl::string_view name) const;

  friend bool operator==(const Catalog& a, const Catalog& b) {
    return a.version() == b.version() && a.operations() == b.operations() &&
           a.plans() == b.plans() && a.price_lists() == b.price_lists();
  }

 private:
  explicit Catalog(Spec spec);

  Spec spec_;
  absl::flat_hash_map<std::string, size_t> operation_index_;
};

}  // namespace konpro

#endif  // KONPRO_CATALOG_CATALOG_H_

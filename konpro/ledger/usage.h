// Usage records (proto/usage.proto): checking a record, and pricing it.
// usage_ledger.h charges records to accounts.
//
//   absl::StatusOr<RatedUsage> rated = RateUsage(Catalog::BuiltIn(), record);
//   rated->cost                                // Credits
//
// A record is priced by the same Price::CostOf() as an estimate, with the
// prices in effect at its start_time.
//
// Thread safety: all functions are pure.
#ifndef KONPRO_LEDGER_USAGE_H_
#define KONPRO_LEDGER_USAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/catalog/price_list.h"
#include "proto/usage.pb.h"

namespace konpro {

inline constexpr size_t kUsageIdBytesMax = 128;
inline constexpr size_t kUsageLabelsMax = 32;
inline constexpr size_t kUsageLabelKeyBytesMax = 64;
inline constexpr size_t kUsageLabelValueBytesMax = 256;

// All errors of `record`, each beginning with the field's name
// (`end_time: before start_time`); empty: it is valid.
std::vector<std::string> UsageRecordErrors(const v1::UsageRecord& record,
                                           const Catalog& catalog);

struct RatedUsage {
  // They belong to the catalog.
  const Operation* operation = nullptr;
  const PriceList* prices = nullptr;
  const Price* price = nullptr;
  // In base units of the operation.
  int64_t quantity = 0;
  Credits cost;
};

// kInvalidArgument: UsageRecordErrors(), joined by "; ". kNotFound: the
// operation has no price at start_time. kOutOfRange: the cost leaves the range
// of Credits.
absl::StatusOr<RatedUsage> RateUsage(const Catalog& catalog,
                                     const v1::UsageRecord& record);

// The same for a quantity without a record, with the prices in effect at
// `time`. REQUIRES: `operation` is of `catalog`; quantity >= 0.
absl::StatusOr<RatedUsage> RateQuantity(const Catalog& catalog,
                                        const Operation& operation,
                                        int64_t quantity, absl::Time time);

// The record's start_time.
absl::Time StartTime(const v1::UsageRecord& record);

}  // namespace konpro

#endif  // KONPRO_LEDGER_USAGE_H_

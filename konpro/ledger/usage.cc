#include "konpro/ledger/usage.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/base/account_id.h"
#include "konpro/base/internal/name.h"

namespace konpro {
namespace {

using ::google::protobuf::Duration;
using ::google::protobuf::Timestamp;

constexpr int32_t kNanosPerMs = 1'000'000;
constexpr int32_t kNanosPerSecond = 1'000'000'000;
// google.protobuf.Timestamp: years 1 to 9999. Duration: the same span.
constexpr int64_t kSecondsMin = -62'135'596'800;
constexpr int64_t kSecondsMax = 253'402'300'799;
constexpr int64_t kDurationSecondsMax = 315'576'000'000;

void CheckId(absl::string_view field, const std::string& id, size_t bytes_max,
             bool required, std::vector<std::string>& errors) {
  if (id.empty()) {
    if (required) errors.push_back(absl::StrCat(field, ": missing"));
    return;
  }
  const absl::Status status = internal::CheckId(field, id, bytes_max);
  if (!status.ok()) errors.emplace_back(status.message());
}

void CheckTime(absl::string_view field, bool present, const Timestamp& time,
               std::vector<std::string>& errors) {
  if (!present) {
    errors.push_back(absl::StrCat(field, ": missing"));
  } else if (time.seconds() < kSecondsMin || time.seconds() > kSecondsMax ||
             time.nanos() < 0 || time.nanos() >= kNanosPerSecond) {
    errors.push_back(
        absl::StrCat(field,
                     ": outside the years 1 to 9999, or nanos outside "
                     "0 .. 999999999"));
  }
}

// What is wrong with the quantity, or "".
std::string DurationError(const Duration& duration) {
  if (duration.seconds() < 0 || duration.nanos() < 0) {
    return "duration: negative: a quantity is zero or more";
  }
  if (duration.seconds() > kDurationSecondsMax ||
      duration.nanos() >= kNanosPerSecond) {
    return absl::StrCat("duration: above ", kDurationSecondsMax,
                        " s, or nanos above 999999999");
  }
  if (duration.nanos() % kNanosPerMs != 0) {
    return "duration: finer than one millisecond";
  }
  return "";
}

std::string QuantityError(const v1::UsageRecord& record,
                          const Operation* operation) {
  if (record.quantity_case() == v1::UsageRecord::QUANTITY_NOT_SET) {
    return "quantity: missing: give a duration or a count";
  }
  const bool timed = record.has_duration();
  if (operation != nullptr &&
      timed != (operation->unit == QuantityUnit::kMilliseconds)) {
    return absl::StrCat(timed ? "duration: " : "count: ", operation->name,
                        timed ? " is counted: give a count"
                              : " is metered in time: give a duration");
  }
  if (timed) return DurationError(record.duration());
  if (record.count() < 0) {
    return absl::StrCat("count: ", record.count(),
                        " is negative: a quantity is zero or more");
  }
  return "";
}

void CheckLabels(const v1::UsageRecord& record,
                 std::vector<std::string>& errors) {
  if (record.labels().size() > kUsageLabelsMax) {
    errors.push_back(absl::StrCat("labels: ", record.labels().size(),
                                  " are more than ", kUsageLabelsMax));
  }
  for (const auto& [key, value] : record.labels()) {
    if (!key.empty() && key.size() <= kUsageLabelKeyBytesMax &&
        value.size() <= kUsageLabelValueBytesMax) {
      continue;
    }
    errors.push_back(
        absl::StrCat("labels: ", internal::Quoted(key),
                     " has a key outside 1 .. ", kUsageLabelKeyBytesMax,
                     " bytes or a value above ", kUsageLabelValueBytesMax));
  }
}

bool IsBefore(const Timestamp& a, const Timestamp& b) {
  return a.seconds() != b.seconds() ? a.seconds() < b.seconds()
                                    : a.nanos() < b.nanos();
}

std::vector<std::string> Errors(const v1::UsageRecord& record,
                                const Catalog& catalog,
                                const Operation* operation) {
  std::vector<std::string> errors;
  CheckId("record_id", record.record_id(), kUsageIdBytesMax, /*required=*/true,
          errors);
  CheckId("account_id", record.account_id(), kAccountIdBytesMax,
          /*required=*/true, errors);
  if (record.operation().empty()) {
    errors.push_back("operation: missing");
  } else if (operation == nullptr) {
    errors.push_back(absl::StrCat(
        "operation: ", catalog.UnknownOperation(record.operation()).message()));
  }
  std::string quantity_error = QuantityError(record, operation);
  if (!quantity_error.empty()) errors.push_back(std::move(quantity_error));
  CheckTime("start_time", record.has_start_time(), record.start_time(), errors);
  CheckTime("end_time", record.has_end_time(), record.end_time(), errors);
  if (record.has_start_time() && record.has_end_time() &&
      IsBefore(record.end_time(), record.start_time())) {
    errors.push_back("end_time: before start_time");
  }
  CheckId("job_id", record.job_id(), kUsageJobIdBytesMax, /*required=*/false,
          errors);
  CheckLabels(record, errors);
  return errors;
}

absl::Time ToTime(const Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) +
         absl::Nanoseconds(time.nanos());
}

}  // namespace

std::vector<std::string> UsageRecordErrors(const v1::UsageRecord& record,
                                           const Catalog& catalog) {
  return Errors(record, catalog, catalog.FindOperation(record.operation()));
}

absl::StatusOr<RatedUsage> RateUsage(const Catalog& catalog,
                                     const v1::UsageRecord& record,
                                     absl::Time latest) {
  const Operation* operation = catalog.FindOperation(record.operation());
  const std::vector<std::string> errors = Errors(record, catalog, operation);
  if (!errors.empty()) {
    return absl::InvalidArgumentError(absl::StrJoin(errors, "; "));
  }
  absl::StatusOr<RatedUsage> rated =
      RateQuantity(catalog, *operation, QuantityOf(record),
                   std::min(StartTime(record), latest));
  if (absl::IsNotFound(rated.status())) {
    return absl::NotFoundError(absl::StrCat("operation: ", operation->name,
                                            " has no price at start_time"));
  }
  return rated;
}

// At most 315,576,000,000,999 ms.
int64_t QuantityOf(const v1::UsageRecord& record) {
  if (!record.has_duration()) return record.count();
  return record.duration().seconds() * 1'000 +
         record.duration().nanos() / kNanosPerMs;
}

absl::Time StartTime(const v1::UsageRecord& record) {
  return ToTime(record.start_time());
}

}  // namespace konpro

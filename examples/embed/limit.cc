#include <iostream>

#include "absl/time/civil_time.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/limiter_registry.h"

int main() {
  // The plan Pro admits 60 requests a minute and 1,000 a day.
  const konpro::Plan* pro = konpro::Catalog::BuiltIn().FindPlan("pro");
  auto registry = konpro::LimiterRegistry::Create({.capacity = 1'000});
  if (!registry.ok()) return 1;
  if (!(*registry)->Insert("acme", pro->windows()).ok()) return 1;

  // 61 requests at 12:00:45; a server passes UnixNanos::CoarseNow().
  const auto now = konpro::UnixNanos::FromTime(absl::FromCivil(
      absl::CivilSecond(2027, 3, 1, 12, 0, 45), absl::UTCTimeZone()));
  for (int request = 1; request <= 61; ++request) {
    const konpro::Decision decision =
        (*registry)->TryAcquire("acme", /*cost=*/1, now);
    if (request < 60) continue;
    std::cout << "request " << request << ": ";
    if (decision.allowed()) {
      std::cout << "allowed, " << decision.remaining(0) << " left this minute, "
                << decision.remaining(1) << " left today\n";
    } else {
      std::cout << "refused, retry in " << decision.retry_after() << "\n";
    }
  }
}

// A service that embeds konpro: what does a minute and a half of video cost?
#include <iostream>

#include "absl/time/clock.h"
#include "konpro/catalog.h"
#include "konpro/estimator.h"

int main() {
  const konpro::Catalog& catalog = konpro::Catalog::BuiltIn();
  konpro::Estimator estimator(catalog, absl::Now());
  const absl::Status status =
      estimator.Add({.operation = catalog.FindOperation("avatar_video"),
                     .quantity = 90'000,
                     .jobs = 3});
  std::cout << status << " " << estimator.total() << " credits\n";
}

#include <iostream>

#include "absl/time/clock.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/estimator.h"

int main() {
  const konpro::Catalog& catalog = konpro::Catalog::BuiltIn();
  konpro::Estimator estimator(catalog, absl::Now());
  const absl::Status status =
      estimator.Add({.operation = catalog.FindOperation("avatar_video"),
                     .quantity = 90'000,  // milliseconds
                     .jobs = 3});
  std::cout << status << " " << estimator.total() << " credits\n";
}

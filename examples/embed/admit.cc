#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/time/clock.h"
#include "konpro/access/http.h"
#include "konpro/access/service.h"
#include "konpro/sqlite/sqlite_backend.h"

using konpro::Credits, konpro::UnixNanos;

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << result.status() << "\n";
  std::exit(1);
}

int main() {
  const auto service = OrExit(konpro::Service::Open(
      konpro::Catalog::BuiltIn(),
      OrExit(konpro::OpenSqliteBackend("credits.db", {})), {}));
  konpro::Admission& admission = service->admission();
  const absl::Time now = absl::Now();
  const UnixNanos at = UnixNanos::FromTime(now);

  // A new account on the Free Trial, with a key and 100 credits.
  const auto key = OrExit(admission.CreateKey({.account_id = "acme"}, now));
  OrExit(service->ledger().Apply(
      {.account = "acme",
       .id = "welcome",
       .at = at,
       .request = konpro::GrantCommand{.amount = *Credits::Parse("100")}}));

  // 90 seconds of video: may they, and is it paid for?
  const auto result = admission.Admit({.key = key.secret.text(),  // x-api-key
                                       .operation = "avatar_video",
                                       .quantity = 90'000,
                                       .id = "job-7"},
                                      at);
  const konpro::HttpAnswer answer = konpro::AnswerOf(result);
  std::cout << answer.status << " " << answer.body << "\n";
  if (!result.ok()) return 1;

  // The video is done, and 84 seconds long.
  const auto done =
      OrExit(admission.Complete({"acme", result.reservation, 84'000}, at));
  std::cout << done.charged << " charged, " << done.released << " released, "
            << done.balance.available << " left\n";
}

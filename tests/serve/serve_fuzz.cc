// Any request, its first line `METHOD PATH`, then the body: whatever it is, the
// answer has a status that is documented, a refusal is a problem, and no
// credits appear or vanish.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/serve/api.h"
#include "konpro/serve/metrics.h"
#include "tests/testing/memory_admission.h"

namespace {

using konpro::Credits;
using konpro::UnixNanos;

constexpr int kRequestsMax = 8;

bool IsDocumented(int status) {
  for (const int known :
       {200, 400, 401, 402, 403, 404, 405, 409, 413, 422, 429, 503}) {
    if (status == known) return true;
  }
  return false;
}

}  // namespace

// Requests are parted by a line of a single dot.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Time start = absl::FromUnixSeconds(1'798'761'630);
  const UnixNanos now = UnixNanos::FromTime(start);
  konpro::ServeMetrics metrics;
  konpro::testing::MemoryAdmission memory;
  const konpro::MintedKey key =
      memory.admission->CreateKey({.account_id = "acme"}, start).value();
  const konpro::MintedKey service =
      memory.admission
          ->CreateKey(
              {.account_id = "billing", .scope = konpro::ApiKeyScope::kService},
              start)
          .value();
  memory.Grant("acme", "100", now);
  konpro::Api api({.admission = *memory.admission,
                   .keys = *memory.keys,
                   .accounts = *memory.accounts,
                   .ledger = *memory.ledger,
                   .metrics = metrics});
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  int requests = 0;
  for (absl::string_view one : absl::StrSplit(text, "\n.\n")) {
    if (++requests > kRequestsMax) break;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(one, absl::MaxSplits('\n', 1));
    const std::pair<absl::string_view, absl::string_view> line =
        absl::StrSplit(parts.first, absl::MaxSplits(' ', 1));
    const bool is_end = absl::StartsWith(line.second, "/v1/jobs/");
    const std::vector<konpro::HttpHeader> headers = {
        {"x-api-key", (is_end ? service : key).secret.text().Reveal()},
        {"content-type", "application/json"},
        {"idempotency-key", "a"}};
    const konpro::HttpAnswer answer = api.Answer({.method = line.first,
                                                  .path = line.second,
                                                  .headers = headers,
                                                  .body = parts.second},
                                                 now);
    if (!IsDocumented(answer.status)) std::abort();
    if (answer.status != 200 && !absl::StartsWith(answer.body, "{\"type\":")) {
      std::abort();
    }
  }
  const konpro::Balance balance = memory.ledger->BalanceOf("acme", now).value();
  const int64_t ticks = balance.available.ticks() + balance.reserved.ticks() +
                        balance.posted.ticks();
  if (ticks != Credits::Parse("100")->ticks()) std::abort();
  return 0;
}

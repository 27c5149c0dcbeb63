// What every route of the API is made of: the parts that it works on, the call
// that it answers, and the forms of requests and answers that routes share.
//
// Thread safety: functions are pure; ApiParts is what its parts are.
#ifndef KONPRO_SERVE_INTERNAL_API_CALL_H_
#define KONPRO_SERVE_INTERNAL_API_CALL_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/admission.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/serve/clock_watch.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/metrics.h"

namespace konpro {

class ProxyRoutes;

inline constexpr int kEstimateJobsMax = 1'000;

// All of them outlive the Api.
struct ApiParts {
  Admission& admission;
  KeyDirectory& keys;
  AccountDirectory& accounts;
  Ledger& ledger;
  ServeMetrics& metrics;
  // Why the server is not ready to hold or charge credits; "" if it is. Both
  // are anybody's to read. Null: it is always ready.
  std::function<std::string()> not_ready = nullptr;
  // While a write takes too long, no request may wait for the next: 503.
  // Null: none does.
  std::function<bool()> is_store_slow = nullptr;
  // While it is not trusted, nothing is held or charged: 503. Null: it always
  // is.
  const ClockWatch* clock = nullptr;
  // What requests behind a proxy cost (/v1/authorize). Null: all of them are
  // counted and hold nothing.
  const ProxyRoutes* routes = nullptr;
  // Reads and estimates that a customer's key may make.
  int64_t reads_per_minute = 60;
};

namespace internal {

struct ApiCall {
  const HttpRequest& request;
  UnixNanos now;
  // Whose key it is: authenticated, and of a scope that the route takes. At
  // routes that take no key, or leave that to admission: kMissing.
  Authentication who;
  // What the path has for each {name} of the route's pattern, decoded, in
  // order.
  std::vector<std::string> names;
  // What a pattern's `**` stands for, with the slash before it, as it was sent.
  absl::string_view rest;
};

// The first field of that name, without blanks around it, or "".
absl::string_view FieldOf(const HttpRequest& request, absl::string_view name);

// The id in Idempotency-Key, bare or a quoted string (RFC 9651, 3.3.3), which
// is the same id. kInvalidArgument: none, several, or no id.
absl::StatusOr<std::string> IdOf(const HttpRequest& request);

// `part` of a path with its %XX decoded. kInvalidArgument: a % without two
// hexadecimal digits.
absl::StatusOr<std::string> DecodedPart(absl::string_view part);

// The value of an argument of the query, decoded; "" if it is not there.
// kInvalidArgument: it stands twice, or DecodedPart().
absl::StatusOr<std::string> ArgumentOf(const HttpRequest& request,
                                       absl::string_view name);
// kInvalidArgument: the query has an argument that is none of `known`; names
// the nearest.
absl::Status CheckArguments(const HttpRequest& request,
                            absl::Span<const absl::string_view> known);

// Of a member that may be empty, which stands for `otherwise`. kInvalidArgument
// begins with `member`.
absl::StatusOr<absl::Time> TimeOf(absl::string_view member,
                                  absl::string_view text, absl::Time otherwise);

// The base units of a quantity of `operation`; 0 if that is not known, which
// admission reports.
absl::StatusOr<int64_t> QuantityOf(absl::string_view quantity,
                                   absl::string_view operation,
                                   const Catalog& catalog);
absl::Status MissingQuantity();

HttpAnswer TextAnswer(std::string text, absl::string_view type);
HttpAnswer JsonAnswer(const google::protobuf::Message& message);
HttpAnswer Malformed(absl::string_view detail);
HttpAnswer Refusal(const Authentication& who, AdmissionReason reason,
                   std::string detail = "");

// The refusal of metered work while the clock is not trusted, or the store is
// slow.
std::optional<HttpAnswer> RefuseMetered(const ApiParts& api, UnixNanos now);

}  // namespace internal
}  // namespace konpro

#endif  // KONPRO_SERVE_INTERNAL_API_CALL_H_

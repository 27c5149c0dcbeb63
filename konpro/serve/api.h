// The HTTP API as a function: it takes a request, and returns status, fields
// and body. It knows no socket (http_server.h) and decides nothing
// (admission.h).
//
//   Api api({.admission = *admission, .keys = *keys, .accounts = *accounts,
//            .ledger = *ledger, .metrics = metrics});
//   api.Answer({.method = "GET", .path = "/v1/admit", .headers = headers}, now)
//
// | route | keys of scope |
// |---|---|
// | GET /v1/admit: admits a request, for nginx's auth_request | customer |
// | /v1/authorize, /v1/authorize/**: the same, for any proxy | customer |
// | POST /v1/jobs: holds credits; the id is in Idempotency-Key | all |
// | POST /v1/jobs/ID/complete: charges the actual quantity | service, admin |
// | POST /v1/jobs/ID/cancel: releases what is held | service, admin |
// | POST /v1/estimate: the cost of jobs under the account's plan | customer |
// | GET /v1/account: plan, windows, balance | customer |
// | /v1/accounts, their keys, grants and credits; /v1/keys | admin |
// | GET /metrics, /healthz | none is needed |
//
// No key is 401, a key of another scope 403. A customer's key is for its own
// account; the others name it in the body. A body is application/json, or else
// refused with 415: a form of another site changes nothing.
//
// auth_request understands 2xx, 401 and 403 alone, and drops the body. So
// /v1/admit answers every refusal but 401 with 403, and has the true answer in
// fields: X-Konpro-Status, and X-Konpro-Problem, the body on one line. An
// admission has X-Konpro-Account, and X-Konpro-Reservation if it is metered:
// its request then has X-Konpro-Operation, X-Konpro-Quantity and
// Idempotency-Key. A second 200 would start the job a second time, so the id of
// an open job is refused with 409, unless the request has X-Konpro-Open-Job:
// replay. The path of X-Original-URI, if it is there, is the problem's
// `instance` (RFC 9457, 3.1.5). Its query is left out: it may hold secrets.
//
// /v1/authorize takes any method and answers with the true status and fields.
// It asks about the path below it or, at exactly /v1/authorize, about
// X-Forwarded-Method and X-Forwarded-Uri; what is held, ApiParts::routes say
// (proxy_routes.h), never a field.
//
// /v1/admit, /v1/authorize, and /v1/jobs with a customer's key, count against
// the account's windows, the others do not. Reads and estimates of a customer's
// key have a window of their own (ApiParts::reads_per_minute). HEAD is answered
// as GET, OPTIONS with Allow. Ids in a path are percent-encoded.
//
// Thread safety: thread-safe.
//
// Limits: bodies of kApiBodyBytesMax bytes, kEstimateJobsMax jobs in an
// estimate; both are refused with 413.
#ifndef KONPRO_SERVE_API_H_
#define KONPRO_SERVE_API_H_

#include <cstddef>

#include "konpro/access/http.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/internal/api_call.h"
#include "konpro/serve/internal/read_limit.h"
#include "konpro/serve/request_body.h"

namespace konpro {

inline constexpr size_t kApiBodyBytesMax = kBodyBytesMax;

class Api {
 public:
  using Parts = ApiParts;

  explicit Api(const Parts& parts)
      : parts_(parts), reads_(parts.reads_per_minute) {}

  // Errors are answers too (http.h).
  HttpAnswer Answer(const HttpRequest& request, UnixNanos now);

 private:
  const Parts parts_;
  internal::ReadLimit reads_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_API_H_

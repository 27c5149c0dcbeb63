// The HTTP API as a function: it takes a request, and returns status, fields
// and body. It knows no socket (http_server.h) and decides nothing
// (admission.h).
//
//   Api api({.admission = *admission, .keys = *keys, .metrics = metrics});
//   api.Answer({.method = "GET", .path = "/v1/admit", .headers = headers}, now)
//
// - GET /v1/admit: admits a request, for nginx's auth_request
// - POST /v1/estimate: the cost of jobs under the account's plan
// - POST /v1/jobs: holds credits; the id is in Idempotency-Key
// - POST /v1/jobs/ID/complete: charges the actual quantity
// - POST /v1/jobs/ID/cancel: releases what is held
// - GET /v1/account: plan, windows, balance
// - GET /metrics, /healthz
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
// /v1/admit, /v1/estimate and /v1/jobs count against the account's windows, the
// others do not. A request that ends a job names its account with a key or,
// since the caller's key may be dead by then, in the body. So anyone who can
// connect can end a job: the API is for the operator's own machines, never for
// the Internet.
//
// Idempotency-Key is bare or a quoted string (RFC 9651), which is the same id.
// HEAD is answered as GET, OPTIONS with Allow.
//
// Thread safety: thread-safe.
//
// Limits: bodies of kApiBodyBytesMax bytes, kEstimateJobsMax jobs in an
// estimate; both are refused with 413.
#ifndef KONPRO_SERVE_API_H_
#define KONPRO_SERVE_API_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/access/admission.h"
#include "konpro/access/http.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/serve/clock_watch.h"
#include "konpro/serve/http_request.h"
#include "konpro/serve/metrics.h"
#include "konpro/serve/request_body.h"
#include "proto/api.pb.h"

namespace konpro {

inline constexpr size_t kApiBodyBytesMax = kBodyBytesMax;
inline constexpr int kEstimateJobsMax = 1'000;

class Api {
 public:
  // All of them outlive the Api.
  struct Parts {
    Admission& admission;
    const KeyDirectory& keys;
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
  };

  explicit Api(const Parts& parts) : parts_(parts) {}

  // Errors are answers too (http.h).
  HttpAnswer Answer(const HttpRequest& request, UnixNanos now);

 private:
  HttpAnswer Route(const HttpRequest& request, UnixNanos now);
  HttpAnswer RouteJob(const HttpRequest& request, UnixNanos now);
  HttpAnswer Admit(const HttpRequest& request, UnixNanos now);
  // What a request for a job has in its fields, or in its body. The error
  // begins with the field or member that is wrong.
  absl::Status ReadMetered(const HttpRequest& request,
                           absl::string_view operation, std::string& id,
                           int64_t& quantity) const;
  absl::Status ReadReserve(const HttpRequest& request,
                           const v1::CreateJobRequest& body, std::string& id,
                           int64_t& quantity) const;
  absl::StatusOr<int64_t> ActualQuantity(absl::string_view account,
                                         absl::string_view id,
                                         absl::string_view quantity) const;
  HttpAnswer Estimate(const HttpRequest& request, UnixNanos now);
  HttpAnswer Reserve(const HttpRequest& request, UnixNanos now);
  HttpAnswer Complete(const HttpRequest& request, absl::string_view id,
                      UnixNanos now);
  HttpAnswer Cancel(const HttpRequest& request, absl::string_view id,
                    UnixNanos now);
  HttpAnswer Account(const HttpRequest& request, UnixNanos now);
  HttpAnswer Metrics(const HttpRequest& request, UnixNanos now);
  HttpAnswer Health(const HttpRequest& request, UnixNanos now);

  // The refusal of metered work while the clock is not trusted, or the store is
  // slow.
  std::optional<HttpAnswer> RefuseMetered(UnixNanos now) const;
  // Only a caller who is authenticated.
  std::optional<HttpAnswer> RefuseMetered(const HttpRequest& request,
                                          UnixNanos now) const;
  Authentication Authenticate(const HttpRequest& request, UnixNanos now) const;
  // Sets `owner` to the account whose job a request ends: its key's, else
  // `named`. Or returns the refusal.
  std::optional<HttpAnswer> FindOwner(const HttpRequest& request,
                                      const std::string& named, UnixNanos now,
                                      std::string& owner) const;

  const Parts parts_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_API_H_

// A request: views that are valid for the call of its handler.
#ifndef KONPRO_SERVE_HTTP_REQUEST_H_
#define KONPRO_SERVE_HTTP_REQUEST_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/access/http.h"

namespace konpro {

struct HttpRequest {
  absl::string_view method;
  absl::string_view path;  // as it was sent (%XX), without the query
  // Of the query, as they were sent (%XX).
  absl::Span<const HttpHeader> arguments;
  absl::Span<const HttpHeader> headers;
  absl::string_view body;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_HTTP_REQUEST_H_

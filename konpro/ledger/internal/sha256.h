// SHA-256 of one piece, or of several in a row.
//
// Thread safety: thread-compatible.
#ifndef KONPRO_LEDGER_INTERNAL_SHA256_H_
#define KONPRO_LEDGER_INTERNAL_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct evp_md_ctx_st;

namespace konpro::internal {

using Sha256Digest = std::array<uint8_t, 32>;

inline absl::string_view BytesOf(const Sha256Digest& digest) {
  return absl::string_view(reinterpret_cast<const char*>(digest.data()),
                           digest.size());
}

// Keeps what the library needs between digests: to ask it anew each time costs
// more than a short digest.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256Digest operator()(absl::Span<const absl::string_view> pieces);

 private:
  evp_md_ctx_st* const context_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_SHA256_H_

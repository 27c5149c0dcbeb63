#include "konpro/ledger/internal/sha256.h"

#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>

namespace konpro::internal {
namespace {

// Nothing that is asked of the library here can fail but for want of memory, or
// in an installation that has no SHA-256 at all.
void Check(int code) {
  if (code == 1) return;
  std::fputs("konpro: libcrypto has no SHA-256\n", stderr);
  std::abort();
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  Check(context_ != nullptr &&
        EVP_DigestInit_ex2(context_, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

Sha256Digest Sha256::operator()(absl::Span<const absl::string_view> pieces) {
  Sha256Digest digest;
  Check(EVP_DigestInit_ex2(context_, nullptr, nullptr));
  for (absl::string_view piece : pieces) {
    Check(EVP_DigestUpdate(context_, piece.data(), piece.size()));
  }
  Check(EVP_DigestFinal_ex(context_, digest.data(), nullptr));
  return digest;
}

}  // namespace konpro::internal

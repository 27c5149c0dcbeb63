#include "konpro/api_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "konpro/internal/base62.h"

namespace konpro {
namespace {

constexpr size_t kCheckedBytes =
    ApiKeyText::kBytes - ApiKeyText::kChecksumDigits;

std::array<char, ApiKeyText::kChecksumDigits> Checksum(absl::string_view text) {
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(text.data()),
                          static_cast<uInt>(text.size()));
  std::array<char, ApiKeyText::kChecksumDigits> digits;
  internal::EncodeBase62(static_cast<uint32_t>(crc), absl::MakeSpan(digits));
  return digits;
}

// getrandom(2) may be interrupted by a signal before it has waited for the
// system's first entropy; once it has, 256 bytes come in one piece.
bool SystemRandom(absl::Span<uint8_t> bytes) {
  ssize_t got;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(bytes.size());
}

// A context of OpenSSL's for each thread. Setting one up looks the algorithm up
// under a lock and allocates, which costs five times the hash; starting it
// again does neither.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    Expect(context_ != nullptr &&
           EVP_DigestInit_ex2(context_, EVP_sha256(), nullptr) == 1);
  }
  ~Sha256() { EVP_MD_CTX_free(context_); }
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  // Finishing wipes what the context held of the text.
  void Hash(absl::string_view text, unsigned char* digest) {
    Expect(EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1 &&
           EVP_DigestUpdate(context_, text.data(), text.size()) == 1 &&
           EVP_DigestFinal_ex(context_, digest, nullptr) == 1);
  }

 private:
  static void Expect(bool done) {
    if (done) [[likely]] {
      return;
    }
    std::fputs("konpro: libcrypto has no SHA-256\n", stderr);
    std::abort();
  }

  EVP_MD_CTX* context_;
};

}  // namespace

bool ApiKeyText::IsWellFormed() const {
  if (text_.size() != kBytes || !absl::StartsWith(text_, kPrefix) ||
      !internal::IsBase62(text_.substr(kPrefix.size()))) {
    return false;
  }
  const auto checksum = Checksum(text_.substr(0, kCheckedBytes));
  return std::equal(checksum.begin(), checksum.end(),
                    text_.begin() + kCheckedBytes);
}

std::string ApiKeyText::LastFour() const {
  return std::string(text_.substr(kBytes - kLastDigits));
}

ApiKeySecret::Bytes::~Bytes() { OPENSSL_cleanse(text.data(), text.size()); }

absl::StatusOr<ApiKeySecret> ApiKeySecret::Mint() {
  auto bytes = std::make_unique<Bytes>();
  const absl::Span<char> text = absl::MakeSpan(bytes->text);
  char* const random = std::copy(ApiKeyText::kPrefix.begin(),
                                 ApiKeyText::kPrefix.end(), text.begin());
  if (!internal::RandomBase62(
          SystemRandom, absl::MakeSpan(random, ApiKeyText::kRandomDigits))) {
    return absl::UnavailableError("the system gives no random bytes");
  }
  const auto checksum = Checksum(absl::string_view(text.data(), kCheckedBytes));
  std::copy(checksum.begin(), checksum.end(), text.begin() + kCheckedBytes);
  return ApiKeySecret(std::move(bytes));
}

ApiKeyText ApiKeySecret::text() const {
  if (bytes_ == nullptr) return ApiKeyText();
  return ApiKeyText(absl::string_view(bytes_->text.data(), ApiKeyText::kBytes));
}

absl::StatusOr<ApiKeyId> ApiKeyId::Parse(absl::string_view text) {
  uint64_t value;
  const bool digits =
      text.size() == 16 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      });
  // Not quoted: somebody may have pasted a key here.
  if (!digits || !absl::SimpleHexAtoi(text, &value)) {
    return absl::InvalidArgumentError(
        "a key's id is 16 digits of 0-9 and a-f; it is not the key itself");
  }
  return ApiKeyId(value);
}

std::string ApiKeyId::ToString() const {
  return absl::StrCat(absl::Hex(value_, absl::kZeroPad16));
}

ApiKeyDigest ApiKeyDigest::Of(ApiKeyText text) {
  thread_local Sha256 sha256;
  ApiKeyDigest digest;
  sha256.Hash(text.Reveal(), digest.bytes_.data());
  return digest;
}

absl::StatusOr<ApiKeyDigest> ApiKeyDigest::FromBytes(absl::string_view bytes) {
  if (bytes.size() != kBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a digest has ", kBytes, " bytes, not ", bytes.size()));
  }
  ApiKeyDigest digest;
  std::copy(bytes.begin(), bytes.end(), digest.bytes_.begin());
  return digest;
}

ApiKeyId ApiKeyDigest::id() const {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value = value << 8 | bytes_[i];
  return ApiKeyId(value);
}

bool operator==(const ApiKeyDigest& a, const ApiKeyDigest& b) {
  return CRYPTO_memcmp(a.bytes_.data(), b.bytes_.data(),
                       ApiKeyDigest::kBytes) == 0;
}

}  // namespace konpro

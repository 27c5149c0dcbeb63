// SHA256_Init() and its like, see ApiKeyDigest::Of().
#define OPENSSL_SUPPRESS_DEPRECATED

#include "konpro/access/api_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
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
#include "konpro/access/internal/base62.h"
#include "konpro/base/internal/name.h"

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

constexpr absl::string_view kScopeNames[] = {"customer", "service", "admin"};

}  // namespace

absl::string_view ApiKeyScopeName(ApiKeyScope scope) {
  const auto place = static_cast<size_t>(scope) - 1;
  return place < std::size(kScopeNames) ? kScopeNames[place] : "?";
}

absl::StatusOr<ApiKeyScope> ParseApiKeyScope(absl::string_view text) {
  const auto* const name =
      std::find(std::begin(kScopeNames), std::end(kScopeNames), text);
  if (name == std::end(kScopeNames)) {
    return absl::InvalidArgumentError(
        absl::StrCat(internal::Quoted(text), " is no scope",
                     internal::Suggestion(text, kScopeNames)));
  }
  return static_cast<ApiKeyScope>(name - std::begin(kScopeNames) + 1);
}

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

// OpenSSL's EVP calls look the algorithm up under a lock and allocate, or, with
// a context that is kept, still cost half as much again as the hash. These are
// the hash alone, cannot fail, and wipe the text from the context at the end.
ApiKeyDigest ApiKeyDigest::Of(ApiKeyText text) {
  ApiKeyDigest digest;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, text.Reveal().data(), text.Reveal().size());
  SHA256_Final(digest.bytes_.data(), &context);
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

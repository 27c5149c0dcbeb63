// The text of an API key, how a key is minted, the digest that is stored
// instead of the text, and what a key is for. key_directory.h has the keys'
// accounts and states.
//
//   absl::StatusOr<ApiKeySecret> secret = ApiKeySecret::Mint();
//   secret->text().Reveal()             // "kp_" and 36 more: shown once
//   const ApiKeyText presented(header_value);
//   presented.IsWellFormed()            // form and checksum
//   ApiKeyDigest::Of(presented) == ApiKeyDigest::Of(secret->text())  // true
//
// The text is `kp_`, 30 random base62 digits (178 bits, from the operating
// system, each digit equally likely) and the CRC-32 of these 33 bytes in 6
// base62 digits. The checksum finds typing errors and lets scanners recognise
// keys; it proves nothing.
//
// No type here that holds a text can be printed, logged or copied into a
// message: Reveal() is the only way out, and what a review should search for.
//
// Thread safety: ApiKeyText, ApiKeyDigest and ApiKeyId are immutable but for
// assignment; ApiKeySecret is thread-compatible.
//
// Invariants: (1) a secret is in one place in memory, and wiped there when its
// last owner ends. (2) Digests are compared in a time that does not depend on
// them.
#ifndef KONPRO_ACCESS_API_KEY_H_
#define KONPRO_ACCESS_API_KEY_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace konpro {

// What a key is for. Stores and protocols keep the numbers.
enum class ApiKeyScope : uint8_t {
  // An account's own requests: admission, and what it may see of itself.
  kCustomer = 1,
  // A service that works for all accounts, and names the account: it reserves
  // and ends jobs and reports usage. No window of a plan applies to it, and
  // admission by a proxy refuses it.
  kService = 2,
  // Everything.
  kAdmin = 3,
};
// "customer", "service", "admin".
absl::string_view ApiKeyScopeName(ApiKeyScope scope);
// kInvalidArgument: `text` is none of these; names the nearest.
absl::StatusOr<ApiKeyScope> ParseApiKeyScope(absl::string_view text);

// What somebody presents as a key, or holds as one. It refers to the bytes.
class ApiKeyText {
 public:
  static constexpr absl::string_view kPrefix = "kp_";
  static constexpr size_t kRandomDigits = 30;
  static constexpr size_t kChecksumDigits = 6;
  static constexpr size_t kBytes =
      kPrefix.size() + kRandomDigits + kChecksumDigits;
  static constexpr size_t kLastDigits = 4;

  // Nothing was presented.
  constexpr ApiKeyText() = default;
  constexpr explicit ApiKeyText(absl::string_view text) : text_(text) {}
  // Something was that cannot be one key: no key has this text.
  static constexpr ApiKeyText Unreadable() { return ApiKeyText("-"); }

  bool empty() const { return text_.empty(); }
  bool IsWellFormed() const;

  // The text itself: never to be logged.
  absl::string_view Reveal() const { return text_; }
  // The last kLastDigits bytes, by which an owner recognises a key.
  // REQUIRES: kBytes of text.
  std::string LastFour() const;

  friend std::ostream& operator<<(std::ostream&, ApiKeyText) = delete;
  friend void PrintTo(ApiKeyText, std::ostream* os) { *os << "(API key)"; }

 private:
  absl::string_view text_;
};

// A key that was just made. Movable, not copyable.
class ApiKeySecret {
 public:
  // kUnavailable: the system has no random bytes.
  static absl::StatusOr<ApiKeySecret> Mint();

  // Lives as long as the secret; empty after a move from it.
  ApiKeyText text() const;

  friend std::ostream& operator<<(std::ostream&, const ApiKeySecret&) = delete;
  friend void PrintTo(const ApiKeySecret&, std::ostream* os) {
    *os << "(API key)";
  }

 private:
  struct Bytes {
    ~Bytes();
    std::array<char, ApiKeyText::kBytes> text = {};
  };

  explicit ApiKeySecret(std::unique_ptr<Bytes> bytes)
      : bytes_(std::move(bytes)) {}

  // Not in the object itself, which moves and whose bytes may be printed.
  std::unique_ptr<Bytes> bytes_;
};

static_assert(!std::is_copy_constructible_v<ApiKeySecret> &&
              std::is_nothrow_move_constructible_v<ApiKeySecret>);

// A key's public name: the first 8 bytes of its digest. It is in lists, audit
// trails and messages, and opens nothing.
class ApiKeyId {
 public:
  constexpr ApiKeyId() = default;
  constexpr explicit ApiKeyId(uint64_t value) : value_(value) {}
  // kInvalidArgument if it is not 16 lower-case hexadecimal digits.
  static absl::StatusOr<ApiKeyId> Parse(absl::string_view text);

  constexpr uint64_t value() const { return value_; }
  std::string ToString() const;

  friend constexpr auto operator<=>(ApiKeyId, ApiKeyId) = default;
  friend std::ostream& operator<<(std::ostream& os, ApiKeyId id) {
    return os << id.ToString();
  }

 private:
  uint64_t value_ = 0;
};

// SHA-256 of a key's whole text: what is kept of it, in memory and at rest.
class ApiKeyDigest {
 public:
  static constexpr size_t kBytes = 32;

  // Of no text.
  constexpr ApiKeyDigest() = default;
  static ApiKeyDigest Of(ApiKeyText text);
  // kInvalidArgument if it is not kBytes long.
  static absl::StatusOr<ApiKeyDigest> FromBytes(absl::string_view bytes);

  absl::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), kBytes};
  }
  ApiKeyId id() const;

  friend bool operator==(const ApiKeyDigest& a, const ApiKeyDigest& b);

 private:
  std::array<unsigned char, kBytes> bytes_ = {};
};

static_assert(sizeof(ApiKeyDigest) == 32);
static_assert(std::is_trivially_copyable_v<ApiKeyDigest>);

}  // namespace konpro

#endif  // KONPRO_ACCESS_API_KEY_H_

// The keyed hash of account ids: whoever does not know the key can aim neither
// at equal hashes nor at neighbouring ones.
//
// The id's 64-bit words w, zeros after them, and its length are hashed by NH,
// sum of (w[2i] + k[2i] mod 2^64) * (w[2i+1] + k[2i+1] mod 2^64) mod 2^128
// (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message
// Authentication", CRYPTO 1999): two ids agree for one key in 2^64. One more
// multiplication folds the sum. The last words overlap if an id is no whole
// number of them; with the length they still say all of it.
//
// Thread safety: immutable. Pure.
//
// Limits: ids of 1 .. 128 bytes.
#ifndef KONPRO_LIMITS_INTERNAL_ACCOUNT_HASH_H_
#define KONPRO_LIMITS_INTERNAL_ACCOUNT_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/base/attributes.h"
#include "absl/strings/string_view.h"
#include "konpro/base/account_id.h"

namespace konpro::internal {

class AccountHash {
 public:
  // One for each word of the id, one for its length and two to fold.
  static constexpr size_t kKeys = kAccountIdBytesMax / sizeof(uint64_t) + 3;
  using Key = std::array<uint64_t, kKeys>;

  explicit AccountHash(const Key& key) : key_(key) {}

  // A key that is not secret, for runs that repeat.
  static Key KeyOf(uint64_t seed) {
    // SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
    Key key;
    for (uint64_t& word : key) {
      uint64_t z = seed += 0x9e3779b97f4a7c15;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
    return key;
  }

  // REQUIRES: 1 <= id.size() <= kAccountIdBytesMax.
  ABSL_ATTRIBUTE_ALWAYS_INLINE uint64_t operator()(absl::string_view id) const {
    const char* bytes = id.data();
    const size_t size = id.size();
    Wide sum = size * key_[kLengthKey];
    if (size >= 16) [[likely]] {
      // The first 16 bytes, the last 16, and between them if that is not
      // all.
      sum += Product(0, bytes, bytes + 8);
      for (size_t i = 16; i + 16 < size; i += 16) {
        sum += Product(i / 8 + 2, bytes + i, bytes + i + 8);
      }
      sum += Product(2, bytes + size - 16, bytes + size - 8);
    } else {
      sum += Short(bytes, size);
    }
    const Wide folded = Wide{static_cast<uint64_t>(sum) ^ key_[kFoldKey]} *
                        (static_cast<uint64_t>(sum >> 64) ^ key_[kFoldKey + 1]);
    return static_cast<uint64_t>(folded) ^ static_cast<uint64_t>(folded >> 64);
  }

 private:
  using Wide = unsigned __int128;
  static constexpr size_t kLengthKey = kKeys - 3;
  static constexpr size_t kFoldKey = kKeys - 2;

  Wide Short(const char* bytes, size_t size) const {
    if (size >= 8) return Product(0, bytes, bytes + size - 8);
    char padded[16] = {};
    std::memcpy(padded, bytes, size);
    return Product(0, padded, padded + 8);
  }

  Wide Product(size_t key, const char* first, const char* second) const {
    return Wide{Word(first) + key_[key]} * (Word(second) + key_[key + 1]);
  }

  static uint64_t Word(const char* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof(word));
    return word;
  }

  const Key key_;
};

}  // namespace konpro::internal

#endif  // KONPRO_LIMITS_INTERNAL_ACCOUNT_HASH_H_

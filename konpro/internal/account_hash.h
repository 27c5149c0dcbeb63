// The keyed hash of account ids: whoever does not know the key can aim neither
// at equal hashes nor at neighbouring ones.
//
// The id's 64-bit words w, zeros behind, and its length are hashed by NH, sum
// of (w[2i] + k[2i] mod 2^64) * (w[2i+1] + k[2i+1] mod 2^64) mod 2^128 (Black,
// Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message
// Authentication", CRYPTO 1999): two ids agree for one key in 2^64. One more
// multiplication folds the sum. The last words overlap where an id is no whole
// number of them; with the length they still say all of it.
//
// Thread safety: immutable. Pure.
//
// Limits: ids of 1 .. 128 bytes.
#ifndef KONPRO_INTERNAL_ACCOUNT_HASH_H_
#define KONPRO_INTERNAL_ACCOUNT_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace konpro::internal {

class AccountHash {
 public:
  static constexpr size_t kIdBytesMax = 128;
  // A word of the id each, then two for its length and two to fold.
  static constexpr size_t kKeys = kIdBytesMax / sizeof(uint64_t) + 4;
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

  // REQUIRES: 1 <= id.size() <= kIdBytesMax.
  uint64_t operator()(absl::string_view id) const {
    const char* bytes = id.data();
    const size_t size = id.size();
    Wide sum = Wide{size + key_[kKeys - 4]} * key_[kKeys - 3];
    if (size >= 16) {
      size_t i = 0;
      for (; 8 * i + 16 < size; i += 2) {
        sum += Product(i, Word(bytes + 8 * i), Word(bytes + 8 * i + 8));
      }
      sum += Product(i, Word(bytes + size - 16), Word(bytes + size - 8));
    } else if (size >= 8) {
      sum += Product(0, Word(bytes), Word(bytes + size - 8));
    } else if (size >= 4) {
      sum += Product(0, HalfWord(bytes), HalfWord(bytes + size - 4));
    } else {
      const auto byte = [bytes](size_t i) {
        return uint64_t{static_cast<unsigned char>(bytes[i])};
      };
      sum +=
          Product(0, byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16, 0);
    }
    const Wide folded = Wide{static_cast<uint64_t>(sum) ^ key_[kKeys - 2]} *
                        (static_cast<uint64_t>(sum >> 64) ^ key_[kKeys - 1]);
    return static_cast<uint64_t>(folded) ^ static_cast<uint64_t>(folded >> 64);
  }

 private:
  using Wide = unsigned __int128;

  static uint64_t Word(const char* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof(word));
    return word;
  }
  static uint64_t HalfWord(const char* bytes) {
    uint32_t word;
    std::memcpy(&word, bytes, sizeof(word));
    return word;
  }
  Wide Product(size_t i, uint64_t first, uint64_t second) const {
    return Wide{first + key_[i]} * (second + key_[i + 1]);
  }

  const Key key_;
};

}  // namespace konpro::internal

#endif  // KONPRO_INTERNAL_ACCOUNT_HASH_H_

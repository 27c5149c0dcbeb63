// Who is it? A key's text against what a look-up cannot do without, its
// SHA-256, with a million keys in the directory.
//
// Every figure is to be read as a ratio to another of the same run. The texts
// are walked in the order in which they were made, as if each had just arrived:
// they come from the cache, while their slots are all over the table, which is
// larger than any cache. BM_Sha256 walks the same texts and hashes them by the
// library's own digest; its rivals are the other ways to call OpenSSL.
// BM_Floor_Sha256ThenLine is what a table that is found by the digest costs at
// least.
//
// BM_Timing compares refusals by time, as an attacker would who is in the same
// process. Its counters are Welch's t of wrong keys (a live key's text, one
// digit and the checksum changed), and of deactivated ones, against unknown
// ones. Below about 4.5, nothing is seen.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/api_key.h"
#include "konpro/access/internal/base62.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"

namespace konpro {
namespace {

constexpr size_t kKeys = 1'000'000;
constexpr size_t kDeadKeys = 100'000;  // of them
constexpr size_t kTextBytes = ApiKeyText::kBytes;

const absl::Time kTime = absl::FromUnixSeconds(1'700'000'040);
const UnixNanos kNow = UnixNanos::FromTime(kTime);

class NoStore : public KeyStore {
 public:
  absl::StatusOr<size_t> Count() override { return 0; }
  absl::Status Put(absl::Span<const ApiKeyRecord>) override {
    return absl::OkStatus();
  }
  absl::Status LoadAll(absl::FunctionRef<absl::Status(ApiKeyRecord)>) override {
    return absl::OkStatus();
  }
};

// Texts behind each other.
class Texts {
 public:
  void Add(ApiKeyText text) { absl::StrAppend(&bytes_, text.Reveal()); }
  size_t size() const { return bytes_.size() / kTextBytes; }
  ApiKeyText operator[](size_t i) const {
    return ApiKeyText(
        absl::string_view(bytes_).substr(i * kTextBytes, kTextBytes));
  }

 private:
  std::string bytes_;
};

struct Keys {
  NoStore store;
  std::unique_ptr<KeyDirectory> directory;
  Texts live;
  Texts deactivated;
  Texts unknown;
};

const Keys& AllKeys() {
  static const Keys& keys = *[] {
    auto* all = new Keys;
    all->directory =
        KeyDirectory::Open(all->store, {.keys_max = kKeys}).value();
    for (size_t i = 0; i < kKeys; ++i) {
      const MintedKey key =
          all->directory
              ->Mint({.account_id = absl::StrCat("account", i)}, kTime)
              .value();
      const bool dead = i % (kKeys / kDeadKeys) == 0;
      (dead ? all->deactivated : all->live).Add(key.secret.text());
      if (dead) {
        all->directory->Deactivate(key.record.id(), kTime).IgnoreError();
      }
    }
    // The first use in a minute is written down; here all have been used.
    for (size_t i = 0; i < all->live.size(); ++i) {
      benchmark::DoNotOptimize(
          all->directory->Authenticate(all->live[i], kNow));
    }
    for (size_t i = 0; i < kDeadKeys; ++i) {
      all->unknown.Add(ApiKeySecret::Mint()->text());
    }
    return all;
  }();
  return keys;
}

// Each thread begins somewhere else.
class Walk {
 public:
  Walk(const Texts& texts, const benchmark::State& state)
      : texts_(texts),
        next_(texts.size() / static_cast<size_t>(state.threads()) *
              static_cast<size_t>(state.thread_index())) {}

  ApiKeyText Next() {
    const ApiKeyText text = texts_[next_];
    if (++next_ == texts_.size()) next_ = 0;
    return text;
  }

 private:
  const Texts& texts_;
  size_t next_;
};

void BM_Sha256(benchmark::State& state) {
  Walk walk(AllKeys().live, state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ApiKeyDigest::Of(walk.Next()));
  }
}
BENCHMARK(BM_Sha256)->ThreadRange(1, 2)->UseRealTime();

void BM_Sha256_KeptContext(benchmark::State& state) {
  Walk walk(AllKeys().live, state);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestInit_ex2(context, EVP_sha256(), nullptr);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  for (auto _ : state) {
    const absl::string_view text = walk.Next().Reveal();
    EVP_DigestInit_ex2(context, nullptr, nullptr);
    EVP_DigestUpdate(context, text.data(), text.size());
    EVP_DigestFinal_ex(context, digest.data(), nullptr);
    benchmark::DoNotOptimize(digest);
  }
  EVP_MD_CTX_free(context);
}
BENCHMARK(BM_Sha256_KeptContext);

void BM_Sha256_OneShot(benchmark::State& state) {
  Walk walk(AllKeys().live, state);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  for (auto _ : state) {
    const absl::string_view text = walk.Next().Reveal();
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           digest.data());
    benchmark::DoNotOptimize(digest);
  }
}
BENCHMARK(BM_Sha256_OneShot);

void BM_Sha256_FetchedDigest(benchmark::State& state) {
  Walk walk(AllKeys().live, state);
  EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  for (auto _ : state) {
    const absl::string_view text = walk.Next().Reveal();
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, md, nullptr);
    benchmark::DoNotOptimize(digest);
  }
  EVP_MD_free(md);
}
BENCHMARK(BM_Sha256_FetchedDigest);

// A table as large as the directory's, and one line of it for each text.
void BM_Floor_Sha256ThenLine(benchmark::State& state) {
  constexpr size_t kLine = 64;
  constexpr size_t kLines = size_t{1} << 21;
  static char* const table = [] {
    char* memory = static_cast<char*>(aligned_alloc(2 << 20, kLines * kLine));
    madvise(memory, kLines * kLine, MADV_HUGEPAGE);
    memset(memory, 1, kLines * kLine);
    return memory;
  }();
  Walk walk(AllKeys().live, state);
  uint64_t wrong = 0;
  for (auto _ : state) {
    const uint64_t id = ApiKeyDigest::Of(walk.Next()).id().value();
    wrong += table[id % kLines * kLine] != 1;
  }
  if (wrong > 0) state.SkipWithError("no such line");
}
BENCHMARK(BM_Floor_Sha256ThenLine);

void BM_Accepted_Directory(benchmark::State& state) {
  const Keys& keys = AllKeys();
  Walk walk(keys.live, state);
  uint64_t refused = 0;
  for (auto _ : state) {
    refused += !keys.directory->Authenticate(walk.Next(), kNow).ok();
  }
  if (refused > 0) state.SkipWithError("refused");
}
BENCHMARK(BM_Accepted_Directory)->ThreadRange(1, 2)->UseRealTime();

// As above, of one key: its slot is in the cache.
void BM_AcceptedOneKey_Directory(benchmark::State& state) {
  const Keys& keys = AllKeys();
  const ApiKeyText text = keys.live[0];
  uint64_t refused = 0;
  for (auto _ : state) {
    refused += !keys.directory->Authenticate(text, kNow).ok();
  }
  if (refused > 0) state.SkipWithError("refused");
}
BENCHMARK(BM_AcceptedOneKey_Directory)->ThreadRange(1, 2)->UseRealTime();

void Refuse(benchmark::State& state, const Texts& texts) {
  const Keys& keys = AllKeys();
  Walk walk(texts, state);
  uint64_t accepted = 0;
  for (auto _ : state) {
    accepted += keys.directory->Authenticate(walk.Next(), kNow).ok();
  }
  if (accepted > 0) state.SkipWithError("accepted");
}
void BM_RefusedUnknown_Directory(benchmark::State& state) {
  Refuse(state, AllKeys().unknown);
}
BENCHMARK(BM_RefusedUnknown_Directory);
void BM_RefusedDeactivated_Directory(benchmark::State& state) {
  Refuse(state, AllKeys().deactivated);
}
BENCHMARK(BM_RefusedDeactivated_Directory);

void BM_Mint_Secret(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ApiKeySecret::Mint().ok());
}
BENCHMARK(BM_Mint_Secret);

// A live key with one digit changed, and the checksum that belongs to it.
std::string Wrong(ApiKeyText live, std::mt19937_64& random) {
  std::string text(live.Reveal());
  const size_t checked = kTextBytes - ApiKeyText::kChecksumDigits;
  char& digit =
      text[ApiKeyText::kPrefix.size() + random() % ApiKeyText::kRandomDigits];
  digit = digit == '0' ? '1' : '0';
  internal::EncodeBase62(
      static_cast<uint32_t>(
          crc32(0, reinterpret_cast<const Bytef*>(text.data()), checked)),
      absl::MakeSpan(&text[checked], ApiKeyText::kChecksumDigits));
  return text;
}

struct Sample {
  double mean = 0;
  double variance = 0;
  size_t count = 0;
};

// The slowest tenth is interrupts and the like.
Sample Summary(std::vector<int64_t> times) {
  std::sort(times.begin(), times.end());
  times.resize(times.size() * 9 / 10);
  Sample sample = {.count = times.size()};
  for (const int64_t time : times) sample.mean += static_cast<double>(time);
  sample.mean /= static_cast<double>(sample.count);
  for (const int64_t time : times) {
    const double off = static_cast<double>(time) - sample.mean;
    sample.variance += off * off;
  }
  sample.variance /= static_cast<double>(sample.count - 1);
  return sample;
}

double WelchT(const Sample& a, const Sample& b) {
  return (a.mean - b.mean) /
         std::sqrt(a.variance / static_cast<double>(a.count) +
                   b.variance / static_cast<double>(b.count));
}

int64_t NanosOf(const KeyDirectory& directory, ApiKeyText text) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(directory.Authenticate(text, kNow));
  return (std::chrono::steady_clock::now() - start).count();
}

// The kinds in random order, each text once.
void BM_Timing_RefusedKeys(benchmark::State& state) {
  enum Kind { kUnknown, kWrong, kDeactivated, kKinds };
  const Keys& keys = AllKeys();
  constexpr uint64_t kSeed = 3;
  std::mt19937_64 random(kSeed);
  Texts wrong;
  for (size_t i = 0; i < kDeadKeys; ++i) {
    wrong.Add(ApiKeyText(Wrong(keys.live[i], random)));
  }
  std::vector<Kind> order;
  for (int kind = 0; kind < kKinds; ++kind) {
    order.insert(order.end(), kDeadKeys, static_cast<Kind>(kind));
  }
  std::shuffle(order.begin(), order.end(), random);
  const std::array<const Texts*, kKinds> texts = {&keys.unknown, &wrong,
                                                  &keys.deactivated};
  std::array<std::vector<int64_t>, kKinds> times;
  size_t next = 0;
  for (auto _ : state) {
    const Kind kind = order[next++];
    times[kind].push_back(
        NanosOf(*keys.directory, (*texts[kind])[times[kind].size()]));
  }
  const Sample unknown = Summary(std::move(times[kUnknown]));
  const Sample near = Summary(std::move(times[kWrong]));
  const Sample dead = Summary(std::move(times[kDeactivated]));
  state.counters["unknown_ns"] = unknown.mean;
  state.counters["wrong_ns"] = near.mean;
  state.counters["deactivated_ns"] = dead.mean;
  state.counters["t_wrong"] = WelchT(near, unknown);
  state.counters["t_deactivated"] = WelchT(dead, unknown);
}
BENCHMARK(BM_Timing_RefusedKeys)->Iterations(3 * kDeadKeys);

}  // namespace
}  // namespace konpro

BENCHMARK_MAIN();

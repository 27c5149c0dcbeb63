#include "konpro/access/api_key.h"

#include <malloc.h>
#include <string.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace {

// What freed memory is searched for, and how often it was searched and found.
std::array<char, konpro::ApiKeyText::kRandomDigits> needle;
bool armed = false;
int searched = 0;
int found = 0;

void Search(void* block) {
  if (!armed || block == nullptr) return;
  ++searched;
  if (memmem(block, malloc_usable_size(block), needle.data(), needle.size()) !=
      nullptr) {
    ++found;
  }
}

}  // namespace

void* operator new(size_t size) {
  void* const block = malloc(size);
  if (block == nullptr) abort();
  return block;
}
void operator delete(void* block) noexcept {
  Search(block);
  free(block);
}
void operator delete(void* block, size_t) noexcept {
  Search(block);
  free(block);
}

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::string_view kGood = "kp_0123456789ABCDEFGHIJKLMNOPQRST4FPlxO";

template <typename T>
concept Printable = requires(std::ostream& os, const T& t) {
  os << t;
};

static_assert(!Printable<ApiKeyText> && !Printable<ApiKeySecret>);
static_assert(!std::is_copy_constructible_v<ApiKeySecret>);
static_assert(!std::is_copy_assignable_v<ApiKeySecret>);
static_assert(!std::is_constructible_v<std::string, ApiKeyText>);
static_assert(!std::is_convertible_v<ApiKeyText, absl::string_view>);
static_assert(!std::is_convertible_v<absl::string_view, ApiKeyText>);

std::string HexOf(absl::string_view text) {
  return absl::BytesToHexString(ApiKeyDigest::Of(ApiKeyText(text)).bytes());
}

// CRC-32 and SHA-256 of another implementation (Python's zlib and hashlib).
TEST(ApiKey, GoldenVectors) {
  const struct {
    absl::string_view text;
    absl::string_view digest;
  } kCases[] = {
      {"kp_00000000000000000000000000000022CV3r",
       "49d2b31a273e6a2723587a69849d4bb8987c98551543529921ba85c29d72f88f"},
      {"kp_0123456789ABCDEFGHIJKLMNOPQRST4FPlxO",
       "6187e5e86b2f6e2dcf3dd8999bf220d370e2284f85b49d56e34d48163d1e03e7"},
      {"kp_zyxwvutsrqponmlkjihgfedcba987617ppQ5",
       "fe877891cd1a9c3ecd2b1bf0107b6becb2b5883dacc116a9b4913f4f97215442"},
      {"kp_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz4QzLf2",
       "3af00524be4bea75ca42b81ea611eeb27f091d521424990c1b62b46f07f48159"},
  };
  for (const auto& c : kCases) {
    EXPECT_TRUE(ApiKeyText(c.text).IsWellFormed()) << c.text;
    EXPECT_EQ(HexOf(c.text), c.digest);
    EXPECT_EQ(ApiKeyDigest::Of(ApiKeyText(c.text)).id().ToString(),
              c.digest.substr(0, 16));
  }
  EXPECT_EQ(HexOf(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(ApiKey, AnythingElseIsMalformed) {
  const std::string good(kGood);
  const std::string kCases[] = {
      "",
      "kp_",
      good.substr(1),
      good.substr(0, 38),
      good + "0",
      good + "\n",
      " " + good.substr(0, 38),
      "KP_" + good.substr(3),
      "kq_" + good.substr(3),
      "kp-" + good.substr(3),
      good.substr(0, 10) + "-" + good.substr(11),
      good.substr(0, 10) + std::string(1, '\0') + good.substr(11),
      good.substr(0, 10) + "\xff" + good.substr(11),
      good.substr(0, 38) + "o",  // another case
      // With the checksum that belongs to them.
      "kq_0123456789ABCDEFGHIJKLMNOPQRST0TLrEC",
      "Kp_0123456789ABCDEFGHIJKLMNOPQRST2MMADb",
      "kp-0123456789ABCDEFGHIJKLMNOPQRST0LjnoF",
      "kp_012345678-ABCDEFGHIJKLMNOPQRST3F5yoT",
      "00000000000000000000000000000000026BYXP",
  };
  for (const std::string& text : kCases) {
    EXPECT_FALSE(ApiKeyText(text).IsWellFormed()) << absl::CEscape(text);
  }
  EXPECT_FALSE(ApiKeyText().IsWellFormed());
  EXPECT_TRUE(ApiKeyText().empty());
  EXPECT_FALSE(ApiKeyText::Unreadable().IsWellFormed());
  EXPECT_FALSE(ApiKeyText::Unreadable().empty());
}

// Every other byte in every place, and every swap of neighbours.
TEST(ApiKey, ChecksumFindsEveryTypingError) {
  int changed = 0;
  for (size_t i = 0; i < kGood.size(); ++i) {
    for (int c = 0; c < 256; ++c) {
      std::string text(kGood);
      text[i] = static_cast<char>(c);
      changed += ApiKeyText(text).IsWellFormed();
    }
    std::string swapped(kGood);
    if (i > 0) std::swap(swapped[i], swapped[i - 1]);
    EXPECT_EQ(ApiKeyText(swapped).IsWellFormed(), swapped == kGood) << i;
  }
  EXPECT_EQ(changed, static_cast<int>(kGood.size()));  // by itself
}

TEST(ApiKey, MintedKeysAreWellFormedAndDiffer) {
  std::set<std::string> texts;
  std::set<ApiKeyId> ids;
  for (int i = 0; i < 1'000; ++i) {
    const auto secret = ApiKeySecret::Mint();
    ASSERT_THAT(secret, IsOk());
    ASSERT_TRUE(secret->text().IsWellFormed());
    texts.insert(std::string(secret->text().Reveal()));
    ids.insert(ApiKeyDigest::Of(secret->text()).id());
    EXPECT_EQ(secret->text().LastFour(), secret->text().Reveal().substr(35));
  }
  EXPECT_EQ(texts.size(), 1'000u);
  EXPECT_EQ(ids.size(), 1'000u);
}

TEST(ApiKey, MovingLeavesNothingBehind) {
  ApiKeySecret first = ApiKeySecret::Mint().value();
  const std::string text(first.text().Reveal());
  ApiKeySecret second = std::move(first);
  EXPECT_TRUE(first.text().empty());  // NOLINT: that is the fact
  EXPECT_EQ(second.text().Reveal(), text);
  ApiKeySecret third = ApiKeySecret::Mint().value();
  third = std::move(second);
  EXPECT_TRUE(second.text().empty());  // NOLINT
  EXPECT_EQ(third.text().Reveal(), text);
}

// Memory that goes back to the heap does not hold the text; the objects never
// do.
TEST(ApiKey, SecretIsWipedWhereverItWas) {
  searched = found = 0;
  {
    std::vector<ApiKeySecret> kept;
    auto secret = ApiKeySecret::Mint();
    memcpy(needle.data(), secret->text().Reveal().data() + 3, needle.size());
    armed = true;
    kept.push_back(*std::move(secret));
    for (int i = 0; i < 8; ++i) kept.push_back(ApiKeySecret::Mint().value());
    std::optional<ApiKeySecret> last(std::move(kept.front()));
    kept.clear();
    EXPECT_EQ(memmem(&last, sizeof last, needle.data(), needle.size()),
              nullptr);
    *last = ApiKeySecret::Mint().value();
  }
  armed = false;
  EXPECT_GT(searched, 9);
  EXPECT_EQ(found, 0);
}

TEST(ApiKey, TestsThatPrintItPrintNothing) {
  const ApiKeySecret secret = ApiKeySecret::Mint().value();
  const std::string text(secret.text().Reveal());
  const std::string digits = text.substr(3, 8);
  EXPECT_EQ(::testing::PrintToString(secret), "(API key)");
  EXPECT_EQ(::testing::PrintToString(secret.text()), "(API key)");
  auto minted = ApiKeySecret::Mint();
  minted = ApiKeySecret::Mint();
  EXPECT_THAT(::testing::PrintToString(minted),
              Not(HasSubstr(minted->text().Reveal().substr(3, 8))));
  std::vector<ApiKeyText> several = {secret.text()};
  EXPECT_EQ(::testing::PrintToString(several), "{ (API key) }");
}

TEST(ApiKeyDigest, ComparesAllBytes) {
  const ApiKeyDigest digest = ApiKeyDigest::Of(ApiKeyText(kGood));
  EXPECT_TRUE(digest == *ApiKeyDigest::FromBytes(digest.bytes()));
  for (size_t i = 0; i < ApiKeyDigest::kBytes; ++i) {
    std::string other(digest.bytes());
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(digest == *ApiKeyDigest::FromBytes(other)) << i;
  }
  EXPECT_THAT(ApiKeyDigest::FromBytes("short"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not 5")));
}

TEST(ApiKeyId, ParsesWhatItPrints) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, ~uint64_t{0},
                               uint64_t{0x0123'4567'89ab'cdef}}) {
    const ApiKeyId id(value);
    EXPECT_EQ(id.ToString().size(), 16u);
    EXPECT_EQ(*ApiKeyId::Parse(id.ToString()), id);
  }
  EXPECT_EQ(ApiKeyId(0x0123'4567'89ab'cdef).ToString(), "0123456789abcdef");
}

TEST(ApiKeyId, RefusesTheRestWithoutRepeatingIt) {
  for (absl::string_view text :
       {absl::string_view(""), absl::string_view("0123456789abcde"),
        absl::string_view("0123456789abcdef0"),
        absl::string_view("0123456789ABCDEF"),
        absl::string_view("0x23456789abcdef"),
        absl::string_view("-123456789abcdef"), kGood}) {
    const auto id = ApiKeyId::Parse(text);
    EXPECT_THAT(id, StatusIs(absl::StatusCode::kInvalidArgument,
                             HasSubstr("16 digits")))
        << text;
    EXPECT_THAT(std::string(id.status().message()),
                Not(HasSubstr("0123456789")));
  }
}

}  // namespace
}  // namespace konpro

// What every store does, on each: the suite is a list of facts about the port.
// What only the file does is in sqlite_store_test.cc.
#include "konpro/ledger/store.h"

#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/sqlite/sqlite_store.h"
#include "tests/testing/status_matchers.h"

namespace konpro {
namespace {

using ::konpro::testing::IsOk;
using ::konpro::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Backend {
  const char* name;
  std::function<std::unique_ptr<Store>(const std::string& path)> make;
};

class StoreTest : public ::testing::TestWithParam<Backend> {
 protected:
  StoreTest() : path_(absl::StrCat(::testing::TempDir(), "store.db")) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      unlink(absl::StrCat(path_, suffix).c_str());
    }
    store_ = GetParam().make(path_);
  }

  static JournalHash Hash(uint8_t first) {
    JournalHash hash{};
    hash.front() = first;
    return hash;
  }
  static StoredEntry Entry(uint64_t sequence, absl::string_view bytes) {
    return {.sequence = sequence,
            .bytes = bytes,
            .hash = Hash(static_cast<uint8_t>(sequence))};
  }
  static JournalHead Head(uint64_t sequence) {
    return {.sequence = sequence, .hash = Hash(static_cast<uint8_t>(sequence))};
  }

  std::vector<std::pair<uint64_t, std::string>> Read(uint64_t first,
                                                     uint64_t last) {
    std::vector<std::pair<uint64_t, std::string>> entries;
    EXPECT_THAT(store_->Read(first, last,
                             [&](const StoredEntry& entry) {
                               EXPECT_EQ(entry.hash, Head(entry.sequence).hash);
                               entries.emplace_back(entry.sequence,
                                                    entry.bytes);
                               return absl::OkStatus();
                             }),
                IsOk());
    return entries;
  }
  std::vector<std::pair<std::string, std::string>> Snapshots() {
    std::vector<std::pair<std::string, std::string>> rows;
    EXPECT_THAT(store_->ReadSnapshots(
                    [&](absl::string_view key, absl::string_view value) {
                      rows.emplace_back(key, value);
                      return absl::OkStatus();
                    }),
                IsOk());
    return rows;
  }

  const std::string path_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreTest, BeginsEmpty) {
  EXPECT_EQ(store_->ReadHead().value(), Head(0));
  EXPECT_THAT(Read(0, ~uint64_t{0}), IsEmpty());
  EXPECT_THAT(Snapshots(), IsEmpty());
  EXPECT_THAT(store_->name(), Not(IsEmpty()));
}

TEST_P(StoreTest, AppendsInOrder) {
  ASSERT_THAT(store_->Append(Head(0), {Entry(1, "one"), Entry(2, "")}), IsOk());
  ASSERT_THAT(store_->Append(Head(2), {Entry(3, std::string(100'000, 'x'))}),
              IsOk());
  EXPECT_EQ(store_->ReadHead().value(), Head(3));
  EXPECT_THAT(Read(1, 3), ElementsAre(Pair(1, "one"), Pair(2, ""),
                                      Pair(3, std::string(100'000, 'x'))));
  EXPECT_THAT(Read(2, 2), ElementsAre(Pair(2, "")));
  EXPECT_THAT(Read(0, 1), ElementsAre(Pair(1, "one")));
  EXPECT_THAT(Read(4, ~uint64_t{0}), IsEmpty());
  EXPECT_THAT(Read(3, 2), IsEmpty());
}

TEST_P(StoreTest, KeepsEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  ASSERT_THAT(store_->Append(Head(0), {Entry(1, bytes)}), IsOk());
  EXPECT_THAT(Read(1, 1), ElementsAre(Pair(1, bytes)));
  ASSERT_THAT(store_->WriteSnapshots({{.key = bytes, .value = bytes}}), IsOk());
  EXPECT_THAT(Snapshots(), ElementsAre(Pair(bytes, bytes)));
}

// Of two writers the second gets an error, and changes nothing.
TEST_P(StoreTest, AppendsBehindTheHeadOnly) {
  ASSERT_THAT(store_->Append(Head(0), {Entry(1, "one")}), IsOk());
  EXPECT_THAT(store_->Append(Head(0), {Entry(1, "other")}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("1 entries")));
  JournalHead forged = Head(1);
  forged.hash.back() ^= 1;
  EXPECT_THAT(store_->Append(forged, {Entry(2, "two")}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("1 entries")));
  EXPECT_THAT(store_->Append(Head(2), {Entry(3, "three")}),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("not 2")));
  EXPECT_EQ(store_->ReadHead().value(), Head(1));
  EXPECT_THAT(Read(1, 9), ElementsAre(Pair(1, "one")));
}

TEST_P(StoreTest, ReadingEndsAtTheVisitorsError) {
  ASSERT_THAT(store_->Append(Head(0), {Entry(1, "one"), Entry(2, "two")}),
              IsOk());
  int visits = 0;
  const auto stop = [&](const StoredEntry&) {
    ++visits;
    return absl::CancelledError("enough");
  };
  EXPECT_THAT(store_->Read(1, 2, stop),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("enough")));
  EXPECT_EQ(visits, 1);
  EXPECT_THAT(Read(1, 2), ElementsAre(Pair(1, "one"), Pair(2, "two")));
}

TEST_P(StoreTest, SnapshotsAreReplacedAndDropped) {
  ASSERT_THAT(store_->WriteSnapshots({{.key = "b", .value = "1"},
                                      {.key = "a", .value = ""},
                                      {.key = "c", .value = "3"}}),
              IsOk());
  ASSERT_THAT(
      store_->WriteSnapshots(
          {{.key = "b", .value = "2"}, {.key = "c"}, {.key = "unknown"}}),
      IsOk());
  EXPECT_THAT(Snapshots(), ElementsAre(Pair("a", ""), Pair("b", "2")));
  EXPECT_THAT(store_->ReadSnapshots([](absl::string_view, absl::string_view) {
    return absl::CancelledError("enough");
  }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("enough")));
  ASSERT_THAT(store_->DropSnapshots(), IsOk());
  EXPECT_THAT(Snapshots(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Backends, StoreTest,
    ::testing::Values(
        Backend{
            "Memory",
            [](const std::string&) { return std::make_unique<MemoryStore>(); }},
        Backend{"Sqlite",
                [](const std::string& path) -> std::unique_ptr<Store> {
                  return SqliteStore::Open(path, {}).value();
                }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace konpro

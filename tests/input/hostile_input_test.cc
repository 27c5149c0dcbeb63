// Every reader of what people hand in, under one list of what they hand in by
// mistake: read as it is meant if it can mean one thing only, else an error,
// and nothing of it is taken.
#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/catalog/catalog.h"
#include "konpro/estimate/replay.h"
#include "konpro/input/catalog_input.h"
#include "konpro/input/input_file.h"
#include "konpro/input/manifest.h"
#include "konpro/input/saved_report.h"
#include "konpro/input/spend_history.h"
#include "konpro/input/trace.h"
#include "konpro/input/usage_input.h"
#include "konpro/ledger/usage.h"
#include "proto/usage.pb.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// What was read, an item a line, and the errors.
struct Read {
  std::string items;
  std::string errors;
};

enum Form { kCsv, kJsonLines, kJson, kLog, kBinary, kTextproto };

struct Reader {
  const char* name;
  Form form;
  // Of two items, each of 90 seconds if it has a quantity.
  std::string good;
  std::function<Read(const std::string&)> read;
};

// Runs `read` on an input of `text`.
Read FromInput(
    const std::string& text,
    const std::function<void(InputFile&, InputErrors&, std::string&)>& read) {
  std::istringstream in(text);
  std::ostringstream err;
  InputFile input("-", in, nullptr);
  InputErrors errors("-", err);
  Read result;
  read(input, errors, result.items);
  result.errors = err.str();
  return result;
}

Read ReadManifestRows(const std::string& text) {
  return FromInput(
      text, [](InputFile& input, InputErrors& errors, std::string& items) {
        ReadManifest(input, {}, Catalog::BuiltIn(), errors,
                     [&](const ManifestRow& row) {
                       absl::StrAppend(&items, row.job.operation->name, " ",
                                       row.job.quantity, "\n");
                       return absl::OkStatus();
                     });
      });
}

Read ReadRecords(const std::string& text) {
  return FromInput(
      text, [](InputFile& input, InputErrors& errors, std::string& items) {
        ReadUsageRecords(input, UsageRecordForm::kAuto, errors,
                         [&](const v1::UsageRecord& record) {
                           const absl::Status rated =
                               RateUsage(Catalog::BuiltIn(), record).status();
                           if (!rated.ok()) return rated;
                           absl::StrAppend(&items, record.operation(), " ",
                                           record.duration().seconds() * 1'000,
                                           "\n");
                           return absl::OkStatus();
                         });
      });
}

Read ReadTraceOf(const std::string& text, const TraceOptions& options) {
  std::istringstream in(text);
  std::ostringstream err;
  InputErrors errors("-", err);
  Read result;
  ReadTrace(
      {"-", in}, options, Catalog::BuiltIn(), errors,
      [&] { result.items.clear(); },
      [&](const TraceRequest& request) {
        absl::StrAppend(&result.items,
                        request.operation != nullptr ? request.operation->name
                                                     : request.account,
                        " ", request.quantity.value_or(0), "\n");
        return absl::OkStatus();
      });
  result.errors = err.str();
  return result;
}

Read ReadHistory(const std::string& text) {
  return FromInput(
      text, [](InputFile& input, InputErrors& errors, std::string& items) {
        const SpendHistory history =
            ReadSpendHistory(input, {Catalog::BuiltIn()}, errors);
        if (!errors.none() || !history.spend.last_day().has_value()) return;
        absl::StrAppend(
            &items,
            history.spend.SpentOn(absl::CivilDay(2027, 1, 1)).ToString(), "\n");
      });
}

Read ReadReport(const absl::StatusOr<SavedReport>& report) {
  return report.ok() ? Read{absl::StrCat(report->total.ToString(), "\n"), ""}
                     : Read{"", std::string(report.status().message())};
}

std::string Record(absl::string_view id, absl::string_view duration) {
  return absl::StrCat(R"({"record_id":")", id,
                      R"(","account_id":"a","operation":)",
                      R"("avatar_video","duration":)", duration,
                      R"(,"start_time":"2027-01-01T00:00:00Z",)",
                      R"("end_time":"2027-01-01T00:01:30Z"})");
}

std::string Binary(absl::string_view id) {
  v1::UsageRecord record;
  record.set_record_id(std::string(id));
  record.set_account_id("a");
  record.set_operation("avatar_video");
  record.mutable_duration()->set_seconds(90);
  record.mutable_start_time()->set_seconds(1'798'761'600);
  record.mutable_end_time()->set_seconds(1'798'761'690);
  const std::string bytes = record.SerializeAsString();
  return std::string(1, static_cast<char>(bytes.size())) + bytes;
}

const char kLine[] = R"({"operation":"avatar_video","jobs":1,"quantity":90000,)"
                     R"("unit":"ms","cost":{"ticks":9}})";

const std::vector<Reader>& Readers() {
  static const auto& readers = *new std::vector<Reader>({
      {"manifest", kCsv,
       "operation,quantity\navatar_video,90s\navatar_video,90s\n",
       ReadManifestRows},
      {"manifest of JSON Lines", kJsonLines,
       "{\"operation\":\"avatar_video\",\"quantity\":\"90s\"}\n"
       "{\"operation\":\"avatar_video\",\"quantity\":\"90s\"}\n",
       ReadManifestRows},
      {"usage records", kJsonLines,
       Record("1", "\"90s\"") + "\n" + Record("2", "\"90s\"") + "\n",
       ReadRecords},
      {"usage records in binary", kBinary, Binary("1") + Binary("2"),
       ReadRecords},
      {"trace", kCsv,
       "time,operation,quantity\n1,avatar_video,90s\n2,avatar_video,90s\n",
       [](const std::string& text) {
         return ReadTraceOf(text, {.time = "time",
                                   .operation = "operation",
                                   .quantity = "quantity"});
       }},
      {"access log", kLog,
       "192.0.2.7 - - [16/Nov/2023:18:17:03 +0000] \"GET / HTTP/1.1\" 200 17\n"
       "192.0.2.7 - - [16/Nov/2023:18:17:04 +0000] \"GET / HTTP/1.1\" 200 17\n",
       [](const std::string& text) {
         return ReadTraceOf(text, {.form = TraceForm::kAccessLog});
       }},
      {"history of days", kCsv, "date,credits\n2027-01-01,1\n2027-01-02,2\n",
       ReadHistory},
      {"history of records", kJsonLines,
       Record("1", "\"90s\"") + "\n" + Record("2", "\"90s\"") + "\n",
       ReadHistory},
      {"history of records in binary", kBinary, Binary("1") + Binary("2"),
       ReadHistory},
      {"saved estimate", kJson,
       absl::StrCat("{\"total\":{\"ticks\":9},\"lines\":[", kLine, "]}\n"),
       [](const std::string& text) {
         std::istringstream in(text);
         return ReadReport(ReadEstimate("-", in));
       }},
      {"saved report of usage", kJson,
       absl::StrCat("{\"total\":{\"ticks\":9},\"accounts\":[{\"total\":"
                    "{\"ticks\":9},\"lines\":[",
                    kLine, "]}]}\n"),
       [](const std::string& text) {
         std::istringstream in(text);
         return ReadReport(ReadUsageReport("-", in));
       }},
      {"catalog", kTextproto,
       R"(version: "c"
operations { name: "a" unit: "ms" }
price_lists {
  prices { operation: "a" credits: "1" per: "1s" }
}
plans { name: "p" title: "P" operations: "a" }
)",
       [](const std::string& text) {
         std::istringstream in(text);
         const auto catalog = ReadCatalog("-", in);
         return catalog.ok()
                    ? Read{catalog->version(), ""}
                    : Read{"", std::string(catalog.status().message())};
       }},
  });
  return readers;
}

std::string Utf16(absl::string_view text, bool big_endian) {
  std::string wide;
  for (const char c : text) {
    wide += big_endian ? std::string({'\0', c}) : std::string({c, '\0'});
  }
  return wide;
}

TEST(HostileInput, IsReadFromEveryReaderIfItIsGood) {
  for (const Reader& reader : Readers()) {
    const Read read = reader.read(reader.good);
    EXPECT_EQ(read.errors, "") << reader.name;
    EXPECT_NE(read.items, "") << reader.name;
  }
}

// Files of another form are named, and nothing of them is read.
TEST(HostileInput, OfAnotherFormIsNamedByEveryReader) {
  for (const Reader& reader : Readers()) {
    const bool is_binary = reader.form == kBinary;
    const std::string& good = reader.good;
    const struct {
      std::string text;
      const char* error;
      // Whether a text comes before, which binary records are not.
      bool of_text = false;
    } kForms[] = {
        {"\xFF\xFE" + Utf16(good, false), "UTF-16", true},
        {"\xFE\xFF" + Utf16(good, true), "UTF-16", true},
        {Utf16(good, false), "UTF-16", true},
        {Utf16(good, true), "UTF-16", true},
        {std::string("\xFF\xFE\0\0", 4) + good, "UTF-32", true},
        {"\x1F\x8B\x08" + good, "gzip"},
        {"BZh91AY&SY" + good, "bzip2"},
        {std::string("\xFD"
                     "7zXZ\0",
                     6) +
             good,
         "xz"},
        {"\x28\xB5\x2F\xFD" + good, "zstd"},
        {"PK\x03\x04" + good, "zip"},
        {"\xD0\xCF\x11\xE0" + good, ".xls"},
        {"%PDF-1.7" + good, "PDF"},
    };
    for (const auto& form : kForms) {
      if (form.of_text && is_binary) continue;
      const Read read = reader.read(form.text);
      EXPECT_THAT(read.errors, HasSubstr("cannot be read: it is "))
          << reader.name << " of " << form.error;
      EXPECT_THAT(read.errors, HasSubstr(form.error)) << reader.name;
      EXPECT_EQ(read.items, "") << reader.name << " of " << form.error;
    }
  }
}

// Marks, ends of lines and blank lines that programs add mean nothing.
TEST(HostileInput, WithAnotherEditorsHabitsIsReadTheSame) {
  for (const Reader& reader : Readers()) {
    if (reader.form == kBinary) continue;
    const std::string& good = reader.good;
    for (const std::string& text :
         {"\xEF\xBB\xBF" + good, absl::StrReplaceAll(good, {{"\n", "\r\n"}}),
          good.substr(0, good.size() - 1), good + "\n\r\n \n"}) {
      const Read read = reader.read(text);
      EXPECT_EQ(read.errors, "") << reader.name << ": " << text;
      EXPECT_EQ(read.items, reader.read(good).items) << reader.name;
    }
  }
}

// Two lines must not be read as one.
TEST(HostileInput, WithCarriageReturnsAloneIsReadTheSameOrNotAtAll) {
  for (const Reader& reader : Readers()) {
    if (reader.form == kBinary) continue;
    const Read read =
        reader.read(absl::StrReplaceAll(reader.good, {{"\n", "\r"}}));
    if (read.errors.empty()) {
      EXPECT_EQ(read.items, reader.read(reader.good).items) << reader.name;
    }
  }
}

TEST(HostileInput, OfWrongBytesIsAnErrorOfEveryReader) {
  for (const Reader& reader : Readers()) {
    // A file that a crash filled with zeros, and the end-of-file of DOS.
    for (const std::string& end : {std::string(8, '\0'), std::string("\x1A")}) {
      const Read read = reader.read(reader.good + end);
      // Zeros are empty records.
      EXPECT_NE(read.errors, "") << reader.name;
    }
    // Cut in the middle of its last item.
    EXPECT_NE(reader.read(reader.good.substr(0, reader.good.size() - 5)).errors,
              "")
        << reader.name;
  }
}

TEST(HostileInput, OfJsonIsOneObjectALineWithoutMembersTwice) {
  for (const Reader& reader : Readers()) {
    const bool is_lines = reader.form == kJsonLines;
    if (!is_lines && reader.form != kJson) continue;
    const std::string line = reader.good.substr(0, reader.good.find('\n'));
    EXPECT_THAT(reader.read("[" + line + "]").errors,
                HasSubstr("is an array, should be one JSON object"))
        << reader.name;
    EXPECT_NE(reader.read(line + line + "\n").errors, "") << reader.name;
    const std::string pretty = absl::StrReplaceAll(line, {{",", ",\n "}});
    const Read read = reader.read(pretty);
    EXPECT_EQ(read.errors.empty(), !is_lines) << reader.name;
    if (is_lines) {
      EXPECT_THAT(read.errors, HasSubstr("one object a line")) << reader.name;
      EXPECT_EQ(read.items, "") << reader.name;
    }
    // Each member twice, the first of them null.
    for (size_t at = line.find('"'); at != line.npos;
         at = line.find('"', at + 1)) {
      const size_t end = line.find("\":", at);
      if (end == line.npos || line.find('"', at + 1) != end) continue;
      const std::string twice =
          absl::StrCat(line.substr(0, at), line.substr(at, end + 1 - at),
                       ":null,", line.substr(at), "\n");
      EXPECT_THAT(reader.read(twice).errors, HasSubstr("stands twice"))
          << reader.name << ": " << twice;
    }
    for (const char* other : {"a,b\n1,2\n", "x", "\"a\"\n", "7\n", "null\n"}) {
      EXPECT_NE(reader.read(other).errors, "") << reader.name << ": " << other;
    }
  }
}

TEST(HostileInput, OfCsvIsReadWithItsRowsAndItsSeparator) {
  for (const Reader& reader : Readers()) {
    if (reader.form != kCsv) continue;
    for (const auto& [separator, name] :
         {std::pair(";", "\";\""), {"\t", "a tab"}, {"|", "\"|\""}}) {
      EXPECT_THAT(
          reader.read(absl::StrReplaceAll(reader.good, {{",", separator}}))
              .errors,
          HasSubstr(absl::StrCat("cells are separated by ", name)))
          << reader.name;
    }
    const std::string header = reader.good.substr(0, reader.good.find('\n'));
    const std::string row =
        std::string(std::count(header.begin(), header.end(), ','), ',') + "\n";
    const Read read = reader.read(reader.good + row + row);
    EXPECT_EQ(read.errors, "") << reader.name;
    EXPECT_EQ(read.items, reader.read(reader.good).items) << reader.name;
    EXPECT_NE(reader.read(reader.good + row + reader.good).errors, "")
        << reader.name;
    for (const char* json : {"[{\"a\":1}]", "{\"a\":1}"}) {
      EXPECT_NE(reader.read(json).errors, "") << reader.name;
    }
  }
}

// One list of quantities for all readers that read them as text.
TEST(HostileInput, QuantitiesThatCanMeanOneThingOnlyAreReadByEveryReader) {
  for (const Reader& reader : Readers()) {
    if (!absl::StrContains(reader.good, "90s")) continue;
    const auto with = [&](absl::string_view quantity) {
      return reader.read(absl::StrReplaceAll(reader.good, {{"90s", quantity}}));
    };
    for (const char* quantity :
         {" 90s ", "90 s", "90sec", "1m 30s", "1 min 30 sec", "PT1M30S",
          "PT90S", "1.5m", "1:30", "90000ms"}) {
      const Read read = with(quantity);
      EXPECT_EQ(read.errors, "") << reader.name << ": " << quantity;
      EXPECT_EQ(read.items, reader.read(reader.good).items)
          << reader.name << ": " << quantity;
    }
    for (const char* quantity :
         {"90", "1.000", "90x", "90s90", "-90s", "s", "9e1s", "90.s", "P1M",
          "1h-30m", "99999999999999999999s", "NaN", "inf"}) {
      EXPECT_NE(with(quantity).errors, "") << reader.name << ": " << quantity;
    }
  }
}

TEST(HostileInput, ACountOfManyReadingsIsRefused) {
  const auto count = [](absl::string_view cell) {
    return ReadManifestRows(
        absl::StrCat("operation,quantity\nphoto_avatar,", cell, "\n"));
  };
  for (const char* cell : {"4", "4.0", " 4 ", "\"4\"", "4.00"}) {
    EXPECT_EQ(count(cell).items, "photo_avatar 4\n") << cell;
  }
  for (const char* cell : {"1.000", "1'000", "1 000", "\"1,000\"", "4.5", "1e3",
                           "0x4", "+4", "-4", "4s"}) {
    EXPECT_NE(count(cell).errors, "") << cell;
    EXPECT_EQ(count(cell).items, "") << cell;
  }
}

// Of binary, protobuf's own reader takes the last of two fields.
TEST(HostileInput, OfBinaryHasNoFieldTwiceAndNoneThatIsNotKnown) {
  const std::string good = Binary("1");
  const auto with = [&](absl::string_view more) {
    std::string bytes = absl::StrCat(good, more);
    bytes[0] = static_cast<char>(bytes.size() - 1);
    return ReadRecords(bytes);
  };
  EXPECT_EQ(with("").errors, "");
  // Labels: each key once.
  EXPECT_EQ(with("\x4A\x06\x0A\x01k\x12\x01v").errors, "");
  const struct {
    std::string more;
    const char* error;
  } kRows[] = {
      {"\x0A\x01z", "record_id: stands twice"},
      {"\x12\x01z", "account_id: stands twice"},
      {"\x1A\x01z", "operation: stands twice"},
      {"\x22\x02\x08\x01", "duration: stands twice"},
      {"\x28\x01", "count: stands beside \"duration\""},
      {"\x32\x02\x08\x01", "start_time: stands twice"},
      {"\x50\x01\x50\x01", "stands twice"},
      {"\x4A\x06\x0A\x01k\x12\x01v\x4A\x06\x0A\x01k\x12\x01w",
       "a key of a map stands twice"},
      {"\x4A\x09\x0A\x01k\x12\x01v\x12\x01w", "value: stands twice"},
      {"\x4A\x06\x0A\x01k\x12\x01\xFF", "value: is not UTF-8"},
      {"\x42\x01\xFF", "job_id: is not UTF-8"},
      {"\xF8\x07\x01", "field 127 is not known"},
      {"\x42\x05z", "its bytes are no konpro.v1.UsageRecord"},
      {"\x3B", "its bytes are no konpro.v1.UsageRecord"},
  };
  for (const auto& row : kRows) {
    const Read read = with(row.more);
    EXPECT_THAT(read.errors, StartsWith("-: record 1 at byte 0: no usage"))
        << row.error;
    EXPECT_THAT(read.errors, HasSubstr(row.error));
    EXPECT_EQ(read.items, "") << row.error;
  }
}

TEST(HostileInput, ALineOfALogThatEndsInTheMiddleIsNoRequest) {
  const std::string line =
      "192.0.2.7 - - [16/Nov/2023:18:17:03 +0000] \"GET / HTTP/1.1\" 200 17";
  const auto read = [](const std::string& text) {
    return ReadTraceOf(text, {.form = TraceForm::kAccessLog});
  };
  EXPECT_THAT(read(line + "\r" + line + "\r").errors,
              HasSubstr(absl::StrCat("-:1:", line.size() + 1,
                                     ": a carriage return within a line")));
  EXPECT_EQ(read(line + "\r\n").errors, "");
}

}  // namespace
}  // namespace konpro

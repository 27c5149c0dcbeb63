// Which times from outside move a ledger, by the command line and by a server's
// admin socket, and how a journal that was moved ahead is noticed and repaired.
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/access/service.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/accounts_command.h"
#include "konpro/cli/backup_command.h"
#include "konpro/cli/forecast_command.h"
#include "konpro/cli/ingest_command.h"
#include "konpro/cli/keys_command.h"
#include "konpro/cli/ledger_change_command.h"
#include "konpro/cli/ledger_query_command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/clock_watch.h"
#include "konpro/sqlite/sqlite_backend.h"
#include "proto/backup.pb.h"

namespace konpro::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kClock = absl::FromUnixSeconds(1'793'620'800);  // 2026-11-02
constexpr absl::Duration kYears = absl::Hours(24 * 365 * 40);

struct Ran {
  ExitCode code = ExitCode::kInternal;
  std::string out;
  std::string err;
};

Ran Do(const std::function<ExitCode(Streams)>& command,
       const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const ExitCode code = command(Streams{in, out, err});
  return {code, out.str(), err.str()};
}

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

std::string Record(absl::string_view id, absl::Time start) {
  const std::string time =
      absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", start, absl::UTCTimeZone());
  return absl::StrCat(
      R"({"record_id":")", id,
      R"(","account_id":"acme","operation":"photo_avatar","count":"1",)",
      R"("start_time":")", time, R"(","end_time":")", time, "\"}\n");
}

// A command that changes a ledger; it can be applied once to what Prepare()
// made.
struct Door {
  const char* name;
  std::function<Ran(const ServiceFile&)> run;
};

std::vector<Door> Doors() {
  const auto ran = [](auto function, auto options) {
    return [=](const ServiceFile& file) {
      return Do([&](Streams s) { return function(file, options, s); });
    };
  };
  Allowance::Spec spec;
  spec.amount = C("1");
  spec.anchor = absl::CivilDay(2026, 1, 1);
  return {
      {"grant", ran(RunLedgerGrant, GrantOptions{.account = "acme",
                                                 .id = "x",
                                                 .grant = {.amount = C("5")}})},
      {"allowance",
       ran(RunLedgerAllowance,
           AllowanceOptions{.account = "acme", .id = "x", .spec = spec})},
      {"reserve",
       ran(RunLedgerReserve, ReserveOptions{.account = "acme",
                                            .operation = "avatar_video",
                                            .quantity = "1s",
                                            .id = "x"})},
      {"check",
       ran(RunLedgerReserve, ReserveOptions{.account = "acme",
                                            .credits = C("1"),
                                            .mode = DrawMode::kCheckOnly})},
      {"spend",
       ran(RunLedgerSpend,
           SpendOptions{.account = "acme", .credits = C("1"), .id = "x"})},
      {"capture",
       ran(RunLedgerCapture,
           CaptureOptions{.reservation = "job", .quantity = "1s", .id = "x"})},
      {"void",
       ran(RunLedgerVoid, VoidOptions{.reservation = "job", .id = "x"})},
      {"refund",
       ran(RunLedgerRefund, RefundOptions{.command = "paid", .id = "x"})},
      {"end_allowance",
       ran(RunLedgerEndAllowance,
           EndAllowanceOptions{
               .account = "acme", .allowance = "monthly", .id = "x"})},
      {"ingest",
       [](const ServiceFile& file) {
         return Do(
             [&](Streams s) {
               return RunLedgerIngest(file, {.records = "-"}, s);
             },
             Record("x", kClock - absl::Minutes(30)));
       }},
      {"void_grant",
       ran(RunLedgerVoidGrant,
           VoidGrantOptions{.account = "acme", .grant = "welcome", .id = "x"})},
  };
}

class LedgerClock : public ::testing::Test {
 protected:
  static constexpr uint64_t kPrepared = 4;

  LedgerClock() { file_ = NewFile("clock"); }

  static ServiceFile NewFile(const std::string& name) {
    const std::string path =
        absl::StrCat(::testing::TempDir(), "/", name, ".db");
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::remove(absl::StrCat(path, suffix).c_str());
    }
    return {.db = path, .clocks = [] { return ClockReading{.wall = kClock}; }};
  }

  // A file with a grant, an open job, a spend and an allowance that begins in a
  // hundred years, an hour before the clock.
  void Prepare() {
    file_ = NewFile("clock");
    ServiceFile before = file_;
    before.at = kClock - absl::Hours(1);
    for (const auto& command : std::vector<std::function<ExitCode(Streams)>>{
             [&](Streams s) {
               return RunLedgerGrant(
                   before,
                   {.account = "acme",
                    .id = "welcome",
                    .grant = {.amount = C("100"),
                              .expires_at = UnixNanos::FromTime(
                                  kClock + absl::Hours(24))}},
                   s);
             },
             [&](Streams s) {
               return RunLedgerReserve(before,
                                       {.account = "acme",
                                        .operation = "avatar_video",
                                        .quantity = "10s",
                                        .id = "job",
                                        .timeout = absl::Hours(6)},
                                       s);
             },
             [&](Streams s) {
               return RunLedgerSpend(
                   before, {.account = "acme", .credits = C("5"), .id = "paid"},
                   s);
             },
             [&](Streams s) {
               Allowance::Spec spec;
               spec.amount = C("1");
               spec.anchor = absl::CivilDay(2126, 1, 1);
               spec.periods = 1;
               return RunLedgerAllowance(
                   before, {.account = "acme", .id = "monthly", .spec = spec},
                   s);
             }}) {
      const Ran ran = Do(command);
      ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
    }
  }

  // The same file, as a server has it open.
  std::unique_ptr<Service> Serve() {
    return Service::Open(Catalog::BuiltIn(),
                         OpenSqliteBackend(file_.db, {}).value(), {})
        .value();
  }

  struct State {
    uint64_t entries = 0;
    absl::Time now;
    bool operator==(const State&) const = default;
  };
  static State StateOf(Ledger& ledger) {
    return {ledger.Head()->sequence, ledger.Now().ToTime()};
  }
  static State StateOf(const ServiceFile& file) {
    if (file.open != nullptr) return StateOf(file.open->ledger());
    auto backend = OpenSqliteBackend(file.db, {.create = false}).value();
    return StateOf(*Ledger::Open(std::move(backend.ledger), {}).value());
  }

  // What a mistyped year did before it was refused, four entries in.
  void MoveAhead() {
    Prepare();
    ServiceFile ahead = file_;
    ahead.simulate = true;
    ahead.at = kClock + kYears;
    const Ran ran = Do([&](Streams s) {
      return RunLedgerGrant(
          ahead,
          {.account = "other", .id = "typo", .grant = {.amount = C("5")}}, s);
    });
    ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
  }

  ServiceFile file_;
};

// At whichever look the clock has been set, once the command watches it: what
// a clock ahead would be charged at is not charged.
TEST_F(LedgerClock, AClockThatIsSetDuringAnIngestMovesNothing) {
  constexpr int kRecords = 9'000;  // two batches
  constexpr int kLooksBefore = 3;
  std::string records;
  for (int i = 0; i < kRecords; ++i) {
    records += Record(absl::StrCat("r", i), kClock - absl::Minutes(30));
  }
  int failed = 0;
  for (int looks = kLooksBefore; looks < kLooksBefore + 6; ++looks) {
    SCOPED_TRACE(looks);
    Prepare();
    ServiceFile file = file_;
    int left = looks;
    file.clocks = [&] {
      const bool is_set = left-- <= 0;
      return ClockReading{
          .wall = kClock + (is_set ? absl::Hours(24 * 40) : absl::Hours(0))};
    };
    const Ran ran = Do(
        [&](Streams s) {
          return RunLedgerIngest(
              file, {.records = "-", .charging = {.denies_shortfall = true}},
              s);
        },
        records);
    EXPECT_LE(StateOf(file_).now, kClock);
    if (ran.code != ExitCode::kInternal) continue;
    ++failed;
    EXPECT_THAT(ran.err, AllOf(HasSubstr("the clock was set"),
                               HasSubstr("safe to ingest the same records")));
  }
  EXPECT_GT(failed, 2);
}

TEST_F(LedgerClock, NoDoorLetsATimeAheadMoveTheLedger) {
  const struct {
    absl::Duration ahead;
    bool taken;
  } kRows[] = {
      {-absl::Minutes(6), true}, {absl::ZeroDuration(), true},
      {absl::Minutes(4), true},  {absl::Minutes(6), false},
      {kYears, false},
  };
  for (const bool is_served : {false, true}) {
    for (const Door& door : Doors()) {
      for (const auto& row : kRows) {
        SCOPED_TRACE(absl::StrCat(door.name, is_served ? " served " : " ",
                                  absl::FormatDuration(row.ahead)));
        Prepare();
        std::unique_ptr<Service> service;
        if (is_served) service = Serve();
        ServiceFile file = file_;
        file.open = service.get();
        file.at = kClock + row.ahead;
        const State before = StateOf(file);
        ASSERT_EQ(before.entries, kPrepared);
        const Ran ran = door.run(file);
        if (row.taken) {
          EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
          EXPECT_LE(StateOf(file).now, kClock);
          continue;
        }
        EXPECT_EQ(ran.code, ExitCode::kBadInput);
        EXPECT_EQ(ran.out, "");
        EXPECT_THAT(ran.err,
                    AllOf(HasSubstr("--at: "), HasSubstr("ahead of the clock"),
                          HasSubstr("2026-11-02T12:00:00Z")));
        EXPECT_EQ(StateOf(file), before);
        // The id is not used up.
        file.at = kClock;
        const Ran again = door.run(file);
        EXPECT_EQ(again.code, ExitCode::kOk) << again.err;
        EXPECT_THAT(again.out, Not(HasSubstr("\"replayed\"")));
      }
    }
  }
}

TEST_F(LedgerClock, ARefusedTimeMakesNoFile) {
  file_.at = kClock + absl::Minutes(6);
  for (const Door& door : Doors()) {
    EXPECT_EQ(door.run(file_).code, ExitCode::kBadInput) << door.name;
    EXPECT_FALSE(std::filesystem::exists(file_.db)) << door.name;
  }
}

TEST_F(LedgerClock, ARecordAheadOfTheClockIsReportedAndTheOthersAreCharged) {
  Prepare();
  const std::string records =
      absl::StrCat(Record("a", kClock + absl::Milliseconds(200)),
                   Record("b", kClock + absl::Minutes(6)),
                   Record("c", kClock + kYears), Record("d", kClock));
  const auto ingest = [&] {
    return Do(
        [&](Streams s) { return RunLedgerIngest(file_, {.records = "-"}, s); },
        records);
  };
  const Ran ran = ingest();
  EXPECT_EQ(ran.code, ExitCode::kBadInput);
  EXPECT_THAT(ran.out, HasSubstr("records: 4, applied: 2, there before: 0, "
                                 "denied: 0, refused: 2"));
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("-:2"), HasSubstr("6m ahead"), HasSubstr("-:3"),
                    HasSubstr("14600 days ahead"), HasSubstr("start_time: ")));
  const State after = {kPrepared + 2, kClock};
  EXPECT_EQ(StateOf(file_), after);
  EXPECT_THAT(ingest().out, HasSubstr("applied: 0, there before: 2"));
}

TEST_F(LedgerClock, ReadingAtAFutureTimeMovesNothing) {
  for (const bool is_served : {false, true}) {
    SCOPED_TRACE(is_served);
    Prepare();
    std::unique_ptr<Service> service;
    if (is_served) service = Serve();
    file_.open = service.get();
    const State before = StateOf(file_);
    const auto balance = [&](absl::Duration ahead) {
      ServiceFile file = file_;
      file.at = kClock + ahead;
      return Do([&](Streams s) {
        return RunLedgerBalance(file, {.account = "acme"}, s);
      });
    };
    const std::string now = balance(absl::ZeroDuration()).out;
    EXPECT_THAT(now, HasSubstr("available       85"));
    const Ran later = balance(kYears);
    EXPECT_EQ(later.code, ExitCode::kOk) << later.err;
    // The grant has ended, and the job's reservation.
    EXPECT_THAT(later.out, AllOf(HasSubstr("available        0"),
                                 HasSubstr("expired         95")));
    ServiceFile file = file_;
    file.at = kClock + kYears;
    for (const auto& read : std::vector<std::function<ExitCode(Streams)>>{
             [&](Streams s) {
               return RunLedgerHistory(file, {.account = "acme"}, s);
             },
             [&](Streams s) {
               return RunLedgerExplain(file, {.command = "paid"}, s);
             },
             [&](Streams s) {
               return RunLedgerStatement(
                   file,
                   {.account = "acme", .month = absl::CivilMonth(2066, 10)}, s);
             },
             [&](Streams s) { return RunLedgerVerify(file, s); },
             [&](Streams s) { return RunLedgerExport(file, s); }}) {
      const Ran ran = Do(read);
      EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
      EXPECT_EQ(ran.err, "");
    }
    EXPECT_EQ(StateOf(file_), before);
    EXPECT_EQ(balance(absl::ZeroDuration()).out, now);
    // What seemed to have ended can still be drawn and captured.
    for (const Door& door : Doors()) {
      if (std::string(door.name) != "capture") continue;
      const Ran ran = door.run(file_);
      EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
    }
  }
}

TEST_F(LedgerClock, SimulateRunsAheadButNeverThroughAServer) {
  for (const Door& door : Doors()) {
    Prepare();
    // Longer than reservations last, and not as long as ids are remembered.
    ServiceFile file = file_;
    file.simulate = true;
    file.at = kClock + absl::Hours(2);
    const Ran ran = door.run(file);
    EXPECT_EQ(ran.code, ExitCode::kOk) << door.name << ran.err;
    const std::unique_ptr<Service> service = Serve();
    file.open = service.get();
    const Ran served = door.run(file);
    EXPECT_EQ(served.code, ExitCode::kBadInput) << door.name;
    EXPECT_THAT(served.err, HasSubstr("--simulate")) << door.name;
  }
  Prepare();
  file_.clock_tolerance = absl::Hours(3);
  file_.at = kClock + absl::Hours(3);
  EXPECT_EQ(Doors()[0].run(file_).code, ExitCode::kOk);
  const std::unique_ptr<Service> service = Serve();
  file_.open = service.get();
  const Ran served = Doors()[0].run(file_);
  EXPECT_EQ(served.code, ExitCode::kBadInput);
  EXPECT_THAT(served.err, HasSubstr("--clock-tolerance"));
}

// Without a time, it was the clock's, and prices those of then, in a ledger
// that is years ahead.
TEST_F(LedgerClock, SimulateNeedsATime) {
  file_ = NewFile("clock");
  file_.simulate = true;
  for (const Door& door : Doors()) {
    const Ran ran = door.run(file_);
    EXPECT_EQ(ran.code, ExitCode::kBadInput) << door.name;
    EXPECT_THAT(ran.err, HasSubstr("give --at=RFC3339")) << door.name;
    EXPECT_FALSE(std::filesystem::exists(file_.db)) << door.name;
  }
}

TEST_F(LedgerClock, AForecastOfAJournalThatIsAheadSaysSo) {
  const auto forecast = [&](Ledger* open) {
    return Do([&](Streams s) {
      return RunForecast(
          {.file = file_.db, .open = open, .now = kClock + absl::Hours(24)}, s);
    });
  };
  for (const bool is_served : {false, true}) {
    for (const bool is_ahead : {false, true}) {
      SCOPED_TRACE(absl::StrCat(is_served, is_ahead));
      is_ahead ? MoveAhead() : Prepare();
      std::unique_ptr<Service> service;
      if (is_served) service = Serve();
      const Ran ran = forecast(is_served ? &service->ledger() : nullptr);
      EXPECT_THAT(ran.out, HasSubstr("history: 2026-11-02"));
      const auto named =
          AllOf(HasSubstr("the journal is ahead of the clock"),
                HasSubstr(absl::StrCat("--db=", file_.db, " --through=4")));
      if (is_ahead) {
        EXPECT_THAT(ran.err, named);
      } else {
        EXPECT_THAT(ran.err, Not(named));
      }
    }
  }
}

TEST_F(LedgerClock, AJournalAheadIsNamedByItsOwnErrorWhereverItShows) {
  for (const bool is_served : {false, true}) {
    MoveAhead();
    std::unique_ptr<Service> service;
    if (is_served) service = Serve();
    file_.open = service.get();
    const State before = StateOf(file_);
    const auto named = AllOf(
        HasSubstr("the journal is ahead of the clock"), HasSubstr("14600 days"),
        HasSubstr(
            absl::StrCat("konpro backup NEW --db=", file_.db, " --through=4")));
    for (const Door& door : Doors()) {
      SCOPED_TRACE(absl::StrCat(door.name, is_served ? " served" : ""));
      const Ran ran = door.run(file_);
      EXPECT_EQ(ran.code, ExitCode::kInternal);
      EXPECT_EQ(ran.out, "");
      EXPECT_THAT(ran.err, named);
    }
    const Ran verify = Do([&](Streams s) { return RunLedgerVerify(file_, s); });
    EXPECT_EQ(verify.code, ExitCode::kInternal);
    EXPECT_THAT(verify.out,
                AllOf(HasSubstr("ahead of the clock"),
                      HasSubstr("not ahead: 4"), Not(HasSubstr("fine"))));
    EXPECT_THAT(verify.err, named);
    // Reading goes on, and says it.
    const Ran balance = Do([&](Streams s) {
      return RunLedgerBalance(file_, {.account = "acme"}, s);
    });
    EXPECT_EQ(balance.code, ExitCode::kOk);
    EXPECT_THAT(balance.out, HasSubstr("available       85"));
    EXPECT_THAT(balance.err, named);
    const Ran account =
        Do([&](Streams s) { return RunAccountProvision(file_, "acme", s); });
    EXPECT_EQ(account.code, ExitCode::kOk);
    EXPECT_THAT(account.err, named);
    EXPECT_EQ(StateOf(file_), before);
  }
}

class LedgerBackup : public LedgerClock {
 protected:
  Ran Backup(const std::string& to, std::optional<uint64_t> through,
             ReportFormat format = ReportFormat::kTable) {
    ServiceFile file = file_;
    file.format = format;
    return Do([&](Streams s) {
      return RunBackup(file, {.to = to, .through = through}, s);
    });
  }
};

TEST_F(LedgerBackup, ABackupThroughTheLastGoodEntryRepairsIt) {
  for (const bool is_served : {false, true}) {
    SCOPED_TRACE(is_served);
    MoveAhead();
    const Ran key = Do([&](Streams s) {
      return RunKeysCreate(file_, {.account = "acme"}, s);
    });
    ASSERT_EQ(key.code, ExitCode::kOk) << key.err;
    ASSERT_EQ(Do([&](Streams s) {
                return RunAccountPlan(file_,
                                      {.account = "acme", .plan = "scale"}, s);
              }).code,
              ExitCode::kOk);
    std::unique_ptr<Service> service;
    if (is_served) service = Serve();
    file_.open = service.get();
    ServiceFile repaired = NewFile("repaired");
    const Ran ran = Backup(repaired.db, kPrepared);
    EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
    EXPECT_THAT(ran.out,
                AllOf(HasSubstr("entries: 4, accounts: 1, keys: 1"),
                      HasSubstr("entries left out: 1"),
                      HasSubstr("  5  2066-10-23 12:00:00  other    grant    "
                                "typo")));
    struct stat made;
    ASSERT_EQ(stat(repaired.db.c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777, 0600);
    service.reset();

    const Ran verify =
        Do([&](Streams s) { return RunLedgerVerify(repaired, s); });
    EXPECT_EQ(verify.code, ExitCode::kOk) << verify.err;
    EXPECT_THAT(verify.out, HasSubstr("fine: 4 entries"));
    for (const Door& door : Doors()) {
      if (std::string(door.name) == "void") continue;  // the job is captured
      const Ran applied = door.run(repaired);
      EXPECT_NE(applied.code, ExitCode::kInternal) << door.name << applied.err;
      if (std::string(door.name) == "grant") {
        EXPECT_EQ(applied.code, ExitCode::kOk) << applied.err;
      }
    }
    const Ran who =
        Do([&](Streams s) { return RunKeysWhoami(repaired, {}, s); }, key.out);
    EXPECT_EQ(who.code, ExitCode::kOk) << who.err;
    EXPECT_THAT(who.out, HasSubstr("account acme"));
    const Ran shown =
        Do([&](Streams s) { return RunAccountShow(repaired, "acme", s); });
    EXPECT_THAT(shown.out, HasSubstr("scale"));
  }
}

TEST_F(LedgerBackup, ItSaysAsJsonWhatItLeftOut) {
  MoveAhead();
  const ServiceFile copy = NewFile("copy");
  const Ran ran = Backup(copy.db, 1, ReportFormat::kJson);
  ASSERT_EQ(ran.code, ExitCode::kOk) << ran.err;
  v1::Backup report;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(ran.out, &report).ok());
  EXPECT_EQ(report.entries(), 1);
  ASSERT_EQ(report.left_out_size(), 4);
  EXPECT_EQ(report.left_out(0).seq(), 2);
  EXPECT_EQ(report.left_out(0).command(), "reserve");
  EXPECT_EQ(report.left_out(3).account(), "other");
  EXPECT_EQ(report.left_out(3).at(), "2066-10-23T12:00:00Z");
}

TEST_F(LedgerBackup, WithoutAnEndItIsAllAndNothingIsLeftOut) {
  Prepare();
  const ServiceFile copy = NewFile("copy");
  const Ran ran = Backup(copy.db, std::nullopt);
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_THAT(ran.out,
              AllOf(HasSubstr("entries: 4"), HasSubstr("left out: 0\n")));
  EXPECT_EQ(StateOf(copy), StateOf(file_));
  const ServiceFile none = NewFile("none");
  EXPECT_EQ(Backup(none.db, 0).code, ExitCode::kOk);
  EXPECT_EQ(StateOf(none).entries, 0);
}

TEST_F(LedgerBackup, WhatIsWrongMakesNoFile) {
  Prepare();
  const ServiceFile copy = NewFile("copy");
  const Ran beyond = Backup(copy.db, kPrepared + 1);
  EXPECT_EQ(beyond.code, ExitCode::kBadInput);
  EXPECT_THAT(beyond.err, HasSubstr("--through: the journal has 4 entries"));
  EXPECT_FALSE(std::filesystem::exists(copy.db));
  const Ran nowhere = Backup(copy.db + "/nowhere", 3);
  EXPECT_EQ(nowhere.code, ExitCode::kInternal);
  // What is there stays as it is, also the file itself.
  ASSERT_EQ(Backup(copy.db, 3).code, ExitCode::kOk);
  const State before = StateOf(copy);
  for (const std::string& there : {copy.db, file_.db}) {
    const Ran again = Backup(there, 1);
    EXPECT_EQ(again.code, ExitCode::kBadInput);
    EXPECT_THAT(again.err, HasSubstr("is there already"));
  }
  EXPECT_EQ(StateOf(copy), before);
  EXPECT_EQ(StateOf(file_).entries, kPrepared);
  file_.db += "-none";
  EXPECT_EQ(Backup(NewFile("other").db, 3).code, ExitCode::kBadInput);
}

}  // namespace
}  // namespace konpro::cli

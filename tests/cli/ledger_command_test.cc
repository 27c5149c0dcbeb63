// The commands of `konpro ledger` over streams and a file: what they print,
// what they return, and what a process that is killed leaves behind.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/delimited_message_util.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/cli/ingest_command.h"
#include "konpro/cli/ledger_change_command.h"
#include "konpro/cli/ledger_query_command.h"
#include "konpro/report/report_message.h"
#include "konpro/serve/clock_watch.h"
#include "proto/ledger.pb.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Credits C(absl::string_view text) { return Credits::Parse(text).value(); }

absl::Time At(absl::Duration since = absl::ZeroDuration()) {
  return absl::FromUnixSeconds(1'793'620'800) + since;  // 2026-11-02 12:00
}

// A second costs 1 credit, and 2 from a quarter past twelve on.
constexpr absl::string_view kDearerCatalog = R"(
    version: "dearer"
    operations { name: "avatar_video" unit: "ms" }
    price_lists {
      prices { operation: "avatar_video" credits: "1" per: "1s" }
    }
    price_lists {
      effective_at: "2026-11-02T12:15:00Z"
      prices { operation: "avatar_video" credits: "2" per: "1s" }
    }
    plans { name: "any" }
)";

struct Ran {
  ExitCode code = ExitCode::kInternal;
  std::string out;
  std::string err;

  v1::LedgerResult result() const {
    v1::LedgerResult result;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(out, &result).ok())
        << out << err;
    return result;
  }
};

class LedgerCommandTest : public ::testing::Test {
 protected:
  LedgerCommandTest() { file_ = Fresh("ledger"); }

  static ServiceFile Fresh(const std::string& name) {
    const std::string path =
        absl::StrCat(::testing::TempDir(), "/", name, ".db");
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::remove(absl::StrCat(path, suffix).c_str());
    }
    return {.db = path, .at = At(), .clocks = [] {
              return ClockReading{.wall = At(absl::Hours(24 * 365))};
            }};
  }

  template <typename Function>
  static Ran Run(Function function) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const ExitCode code = function(Streams{in, out, err});
    return {code, out.str(), err.str()};
  }

  Ran Grant(const std::string& id, absl::string_view credits,
            const std::string& account = "acme") {
    return Run([&](Streams s) {
      return RunLedgerGrant(
          file_,
          {.account = account, .id = id, .grant = {.amount = C(credits)}}, s);
    });
  }
  Ran Reserve(ReserveOptions options) {
    if (options.account.empty()) options.account = "acme";
    return Run([&](Streams s) { return RunLedgerReserve(file_, options, s); });
  }
  Ran ReserveVideo(const std::string& id, const std::string& quantity) {
    return Reserve(
        {.operation = "avatar_video", .quantity = quantity, .id = id});
  }
  Ran Spend(SpendOptions options) {
    options.account = "acme";
    return Run([&](Streams s) { return RunLedgerSpend(file_, options, s); });
  }
  Ran Capture(const CaptureOptions& options) {
    return Run([&](Streams s) { return RunLedgerCapture(file_, options, s); });
  }
  Ran Void(const VoidOptions& options) {
    return Run([&](Streams s) { return RunLedgerVoid(file_, options, s); });
  }
  Ran Refund(const RefundOptions& options) {
    return Run([&](Streams s) { return RunLedgerRefund(file_, options, s); });
  }
  Ran Ingest(const std::string& records) { return Ingest(file_, records); }
  static Ran Ingest(const ServiceFile& file, const std::string& records) {
    std::istringstream in(records);
    std::ostringstream out;
    std::ostringstream err;
    const ExitCode code =
        RunLedgerIngest(file, {.records = "-"}, {in, out, err});
    return {code, out.str(), err.str()};
  }

  ServiceFile file_;
};

TEST_F(LedgerCommandTest, ACommandPrintsOneObject) {
  ASSERT_EQ(Grant("welcome", "100").code, ExitCode::kOk);
  const Ran ran = ReserveVideo("job", "1m30s");
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_EQ(ran.err, "");
  const v1::LedgerResult result = ran.result();
  EXPECT_EQ(result.seq(), 2u);
  EXPECT_EQ(result.outcome(), "applied");
  EXPECT_EQ(result.amount().credits(), "90");
  EXPECT_EQ(result.balance().available().credits(), "10");
  EXPECT_EQ(result.balance().reserved().ticks(), 540'000'000);
  EXPECT_EQ(result.balance().posted().credits(), "0");
  EXPECT_EQ(result.balance().expired().credits(), "0");
  EXPECT_THAT(
      ran.out,
      AllOf(HasSubstr("\"seq\": \"2\""), HasSubstr("\"ticks\": \"540000000\""),
            Not(HasSubstr("\"reason\"")), Not(HasSubstr("\"pending\""))));
}

TEST_F(LedgerCommandTest, AnUnknownGrantOrAllowanceGetsTheNearestName) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  Allowance::Spec spec;
  spec.amount = Credits::Parse("1").value();
  spec.anchor = absl::CivilDay(2025, 1, 1);
  ASSERT_EQ(Run([&](Streams s) {
              return RunLedgerAllowance(
                  file_, {.account = "acme", .id = "monthly", .spec = spec}, s);
            }).code,
            ExitCode::kOk);
  const Ran grant = Run([&](Streams s) {
    return RunLedgerVoidGrant(
        file_, {.account = "acme", .grant = "welcom", .id = "v"}, s);
  });
  EXPECT_EQ(grant.code, ExitCode::kDenied);
  EXPECT_EQ(grant.err,
            "konpro: denied: unknown_grant; did you mean \"welcome\"?\n");
  const Ran allowance = Run([&](Streams s) {
    return RunLedgerEndAllowance(
        file_, {.account = "acme", .allowance = "montly", .id = "e"}, s);
  });
  EXPECT_EQ(allowance.code, ExitCode::kDenied);
  EXPECT_EQ(allowance.err,
            "konpro: denied: unknown_allowance; did you mean \"monthly\"?\n");
}

TEST_F(LedgerCommandTest, TheSameAgainIsReplayedWithTheFirstOutcome) {
  const Ran first = Grant("welcome", "10");
  const Ran again = Grant("welcome", "10");
  EXPECT_EQ(again.code, ExitCode::kOk);
  EXPECT_EQ(again.result().outcome(), "replayed");
  EXPECT_EQ(again.result().first().seq(), first.result().seq());
  EXPECT_EQ(again.result().first().outcome(), "applied");
  EXPECT_EQ(again.result().balance().available().credits(), "10");

  const Ran denied = ReserveVideo("job", "12.5s");
  EXPECT_EQ(denied.code, ExitCode::kOverAvailable);
  EXPECT_EQ(denied.err,
            "konpro: denied: need 12.5, held 0, available 10, short 2.5\n");
  EXPECT_EQ(denied.result().reason(), "insufficient_credits");
  EXPECT_EQ(denied.result().shortfall().credits(), "2.5");
  ASSERT_EQ(Grant("more", "10").code, ExitCode::kOk);
  const Ran denied_again = ReserveVideo("job", "12.5s");
  EXPECT_EQ(denied_again.code, ExitCode::kOverAvailable);
  EXPECT_EQ(denied_again.result().outcome(), "replayed");
  EXPECT_EQ(denied_again.result().first().outcome(), "denied");
  EXPECT_EQ(denied_again.result().first().reason(), "insufficient_credits");
  EXPECT_THAT(denied_again.err, HasSubstr("denied the first time: need 12.5"));
}

TEST_F(LedgerCommandTest, TheSameIdWithOtherContentIsAnError) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  const Ran other = Grant("welcome", "11");
  EXPECT_EQ(other.code, ExitCode::kBadInput);
  EXPECT_EQ(other.out, "");
  EXPECT_THAT(other.err, HasSubstr("amount: 11, was 10"));
  ASSERT_EQ(ReserveVideo("job", "5s").code, ExitCode::kOk);
  EXPECT_THAT(ReserveVideo("job", "6s").err,
              HasSubstr("pricing.quantity: 6000, was 5000"));
  EXPECT_THAT(Spend({.credits = C("1"), .id = "job"}).err,
              HasSubstr("command: spend, was reserve"));
}

TEST_F(LedgerCommandTest, WhatIsWrongIsSaid) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  const struct {
    Ran ran;
    const char* expected;
  } kRows[] = {
      {Grant("zero", "0"), "amount: 0 is not above zero"},
      {Grant("b lank", "1"), "id: "},
      {Grant("", "1"), "id: "},
      {Grant("g", "1", ""), "account: "},
      {ReserveVideo("job", "90"), "quantity: "},
      {ReserveVideo("job", "-90s"), "quantity: "},
      {ReserveVideo("job", "nan"), "quantity: "},
      {ReserveVideo("job", "9223372036854775807ms"), "cost more than"},
      {Reserve({.operation = "avatar_vide", .quantity = "1s", .id = "job"}),
       "did you mean \"avatar_video\""},
      {Reserve({.operation = "avatar_vide", .credits = C("1"), .id = "job"}),
       "did you mean \"avatar_video\""},
      {Reserve({.operation = "avatar_video", .id = "job"}), "--credits"},
      {Reserve({.operation = "avatar_video",
                .quantity = "1s",
                .credits = C("1"),
                .id = "job"}),
       "--credits"},
      {Reserve({.credits = C("1")}), "id: "},
      {Reserve({.credits = C("1"), .id = "job", .timeout = absl::Hours(9999)}),
       "timeout: "},
      {Spend({.id = "s"}), "--credits"},
      {Capture({.reservation = "job", .id = "c"}), "give an amount"},
      {Capture(
           {.reservation = "job", .quantity = "1s", .all = true, .id = "c"}),
       "give an amount"},
      {Capture({.reservation = "welcome", .quantity = "1s", .id = "c"}),
       "welcome is a grant, not a reservation"},
      {Refund({.command = "welcome", .id = "r"}), "posts no credits"},
      {Run([&](Streams s) {
         return RunLedgerBalance(file_, {.account = "acm"}, s);
       }),
       "account \"acm\" has no command"},
      {Run([&](Streams s) {
         return RunLedgerExplain(file_, {.command = "x"}, s);
       }),
       "no command has the id \"x\""},
  };
  for (const auto& [ran, expected] : kRows) {
    EXPECT_EQ(ran.code, ExitCode::kBadInput) << expected << ran.err;
    EXPECT_EQ(ran.out, "") << expected;
    EXPECT_THAT(ran.err, HasSubstr(expected));
  }
}

TEST_F(LedgerCommandTest, AnUnknownNameIsRefusedBeforeAFileIsMade) {
  const auto grant = [&](std::vector<std::string> operations) {
    return Run([&](Streams s) {
      return RunLedgerGrant(
          file_,
          {.account = "acme",
           .id = "g",
           .grant = {.amount = C("5"), .operations = std::move(operations)}},
          s);
    });
  };
  const auto allowance = [&](std::vector<std::string> operations,
                             const std::string& zone) {
    Allowance::Spec spec;
    spec.amount = C("5");
    spec.anchor = absl::CivilDay(2026, 11, 1);
    spec.zone = zone;
    spec.operations = std::move(operations);
    return Run([&](Streams s) {
      return RunLedgerAllowance(
          file_, {.account = "acme", .id = "a", .spec = spec}, s);
    });
  };
  const struct {
    Ran ran;
    const char* expected;
  } kRows[] = {
      {grant({"avatarvideo"}),
       "operations: unknown operation \"avatarvideo\"; "
       "did you mean \"avatar_video\"?"},
      {grant({"avatar_video", "avatar_vide"}), "\"avatar_vide\"; did you mean"},
      {grant({"AVATAR_VIDEO"}), "did you mean \"avatar_video\"?"},
      {allowance({"foto_avatar"}, "UTC"), "did you mean \"photo_avatar\"?"},
      {allowance({}, "Europe/Berlín"), "zone"},
  };
  for (const auto& [ran, expected] : kRows) {
    EXPECT_EQ(ran.code, ExitCode::kBadInput) << expected;
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr(expected));
  }
  EXPECT_NE(access(file_.db.c_str(), F_OK), 0) << "no file was made";
  EXPECT_EQ(grant({"avatar_video"}).code, ExitCode::kOk);
}

TEST_F(LedgerCommandTest, AnAllowanceIsEndedAndItsGrantTakenBack) {
  Allowance::Spec spec;
  spec.amount = C("1000");
  spec.anchor = absl::CivilDay(2026, 11, 1);
  ASSERT_EQ(Run([&](Streams s) {
              return RunLedgerAllowance(
                  file_, {.account = "acme", .id = "typo", .spec = spec}, s);
            }).code,
            ExitCode::kOk);
  spec.amount = C("100");
  ASSERT_EQ(Run([&](Streams s) {
              return RunLedgerAllowance(
                  file_, {.account = "acme", .id = "plan", .spec = spec}, s);
            }).code,
            ExitCode::kOk);
  ASSERT_EQ(ReserveVideo("job", "60s").code, ExitCode::kOk);
  const auto end = [&](const std::string& account, const std::string& name,
                       const std::string& id) {
    return Run([&](Streams s) {
      return RunLedgerEndAllowance(
          file_, {.account = account, .allowance = name, .id = id}, s);
    });
  };
  const auto take_back = [&](const std::string& grant, const std::string& id) {
    return Run([&](Streams s) {
      return RunLedgerVoidGrant(
          file_, {.account = "acme", .grant = grant, .id = id}, s);
    });
  };
  const Ran ended = end("acme", "typo", "end");
  EXPECT_EQ(ended.code, ExitCode::kOk) << ended.err;
  EXPECT_EQ(ended.result().balance().available().credits(), "1040");
  // What is held of it goes the same way once it is released.
  const Ran voided = take_back("typo/credits/0", "void");
  EXPECT_EQ(voided.code, ExitCode::kOk) << voided.err;
  EXPECT_EQ(voided.result().balance().available().credits(), "100");
  EXPECT_EQ(voided.result().balance().reserved().credits(), "60");
  EXPECT_EQ(voided.result().balance().voided().credits(), "940");
  EXPECT_EQ(take_back("typo/credits/0", "void").result().outcome(), "replayed");
  const Ran captured =
      Capture({.reservation = "job", .quantity = "50s", .id = "done"});
  EXPECT_EQ(captured.code, ExitCode::kOk) << captured.err;
  EXPECT_EQ(captured.result().balance().posted().credits(), "50");
  EXPECT_EQ(captured.result().balance().voided().credits(), "950");
  EXPECT_EQ(captured.result().balance().available().credits(), "100");
  // The month after, there is one allowance.
  file_.at = At(absl::Hours(24 * 40));
  EXPECT_THAT(Run([&](Streams s) {
                return RunLedgerBalance(file_, {.account = "acme"}, s);
              }).out,
              AllOf(HasSubstr("100"), Not(HasSubstr("1100"))));

  const Ran unknown = end("acme", "tipo", "end-2");
  EXPECT_EQ(unknown.code, ExitCode::kDenied);
  EXPECT_EQ(unknown.result().reason(), "unknown_allowance");
  EXPECT_EQ(take_back("typo", "void-2").result().reason(), "unknown_grant");
  EXPECT_EQ(take_back("plan/credits/0", "void-3").result().reason(),
            "grant_ended");
  const Ran nobody = end("acm", "plan", "end-3");
  EXPECT_EQ(nobody.code, ExitCode::kBadInput);
  EXPECT_THAT(nobody.err, HasSubstr("account \"acm\" has no command"));
}

TEST_F(LedgerCommandTest, AnotherDenialHasItsOwnCode) {
  ASSERT_EQ(Grant("welcome", "100").code, ExitCode::kOk);
  ASSERT_EQ(ReserveVideo("job", "30s").code, ExitCode::kOk);
  const Ran above =
      Capture({.reservation = "job", .quantity = "31s", .id = "above"});
  EXPECT_EQ(above.code, ExitCode::kDenied);
  EXPECT_EQ(above.result().reason(), "above_hold");
  EXPECT_THAT(above.err, HasSubstr("need 31, held 30, available "));
  EXPECT_EQ(above.result().held().credits(), "30");

  file_.at = At(absl::Hours(1));
  const Ran late = Capture({.reservation = "job", .all = true, .id = "late"});
  EXPECT_EQ(late.code, ExitCode::kDenied);
  EXPECT_EQ(late.result().reason(), "reservation_expired");
  EXPECT_EQ(late.result().released().credits(), "30");
  EXPECT_THAT(late.err, HasSubstr("has expired; 30 were released"));
  EXPECT_EQ(Capture({.reservation = "job", .all = true, .id = "late"}).code,
            ExitCode::kDenied);

  for (const Ran& ran :
       {Capture({.reservation = "none", .all = true, .id = "c"}),
        Void({.reservation = "none", .id = "v"}),
        Capture({.reservation = "none",
        .account = "acme",
        .all = true,
        .id = "c"})}) {
    EXPECT_EQ(ran.code, ExitCode::kDenied);
    EXPECT_EQ(ran.result().reason(), "unknown_reservation");
    EXPECT_FALSE(ran.result().has_seq());
  }
  EXPECT_EQ(Refund({.command = "none", .id = "r"}).result().reason(),
            "unknown_command");
}

TEST_F(LedgerCommandTest, SlicesOfAReservationArePricedAsOne) {
  // A minimum of 10 s in a session.
  const std::string catalog = absl::StrCat(::testing::TempDir(), "/slices.txt");
  std::ofstream(catalog) << R"(version: "slices"
      operations { name: "call" unit: "ms" }
      price_lists { prices { operation: "call" credits: "1" per: "1s"
                             minimum: "10s" } }
      plans { name: "any" title: "Any" operations: "call" })";
  file_.catalog = catalog;
  ASSERT_EQ(Grant("welcome", "100").code, ExitCode::kOk);
  ASSERT_EQ(Reserve({.operation = "call", .quantity = "60s", .id = "job"}).code,
            ExitCode::kOk);
  const CaptureOptions first{
      .reservation = "job", .quantity = "4s", .partial = true, .id = "c1"};
  EXPECT_EQ(Capture(first).result().amount().credits(), "10");
  EXPECT_EQ(Capture(first).result().first().amount().credits(), "10");
  EXPECT_EQ(
      Capture(
          {.reservation = "job", .quantity = "5s", .partial = true, .id = "c2"})
          .result()
          .amount()
          .credits(),
      "0");
  // A record of the job goes on where captures were.
  const Ran ingested =
      Ingest(R"({"record_id":"u","account_id":"acme","operation":"call",)"
             R"("duration":"3s","start_time":"2026-11-02T11:00:00Z",)"
             R"("end_time":"2026-11-02T11:00:03Z","job_id":"job"})");
  EXPECT_EQ(ingested.code, ExitCode::kOk) << ingested.err;
  EXPECT_THAT(ingested.out, HasSubstr("charged: 2 credits"));
  EXPECT_EQ(Capture(first).code, ExitCode::kOk);
  EXPECT_EQ(Void({.reservation = "job", .id = "v"}).result().reason(),
            "reservation_captured");
}

// The ledger's time never goes back: a command is of the time that it counts
// as, and so is its price.
TEST_F(LedgerCommandTest, ACommandIsPricedAtTheTimeThatItCountsAs) {
  file_.catalog = absl::StrCat(::testing::TempDir(), "/later.textproto");
  std::ofstream(file_.catalog) << kDearerCatalog;
  file_.at = At(absl::Minutes(20));
  ASSERT_EQ(Grant("welcome", "100").code, ExitCode::kOk);
  file_.at = At(absl::Minutes(10));
  const Ran reserved = ReserveVideo("job", "10s");
  EXPECT_EQ(reserved.result().at(), "2026-11-02T12:20:00Z");
  EXPECT_EQ(reserved.result().amount().credits(), "20");
  const Ran spent =
      Spend({.operation = "avatar_video", .quantity = "10s", .id = "paid"});
  EXPECT_EQ(spent.result().amount().credits(), "20");
}

TEST_F(LedgerCommandTest, ACaptureIsPricedByTheListOfItsReservation) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/dearer.textproto");
  std::ofstream(path) << kDearerCatalog;
  file_.catalog = path;
  ASSERT_EQ(Grant("welcome", "100").code, ExitCode::kOk);
  ASSERT_EQ(ReserveVideo("job", "10s").code, ExitCode::kOk);
  file_.at = At(absl::Minutes(30));
  EXPECT_EQ(Spend({.operation = "avatar_video", .quantity = "10s", .id = "s"})
                .result()
                .amount()
                .credits(),
            "20");
  const Ran ran =
      Capture({.reservation = "job", .quantity = "10s", .id = "done"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.result().amount().credits(), "10");
}

TEST_F(LedgerCommandTest, ModesAndRefundsSayWhatTheyTook) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  const Ran check = Reserve({.credits = C("11"), .mode = DrawMode::kCheckOnly});
  EXPECT_EQ(check.code, ExitCode::kOverAvailable);
  EXPECT_FALSE(check.result().has_seq());
  const Ran best =
      Reserve({.credits = C("11"), .id = "job", .mode = DrawMode::kBestEffort});
  EXPECT_EQ(best.code, ExitCode::kOk);
  EXPECT_EQ(best.result().amount().credits(), "10");
  EXPECT_EQ(Capture({.reservation = "job", .credits = C("4"), .id = "c"})
                .result()
                .released()
                .credits(),
            "6");
  EXPECT_EQ(Refund({.command = "c", .credits = C("1.5"), .id = "r1"})
                .result()
                .amount()
                .credits(),
            "1.5");
  EXPECT_EQ(Refund({.command = "c", .id = "r2"}).result().amount().credits(),
            "2.5");
  EXPECT_EQ(Refund({.command = "c", .id = "r2"}).result().outcome(),
            "replayed");
  EXPECT_EQ(
      Refund({.command = "c", .credits = C("1"), .id = "r3"}).result().reason(),
      "above_spend");
}

TEST_F(LedgerCommandTest, AnAllowanceGivesEachPeriodAnew) {
  const AllowanceOptions options{
      .account = "acme",
      .id = "plan",
      .spec = {.amount = C("100"), .anchor = absl::CivilDay(2026, 10, 31)}};
  const Ran ran =
      Run([&](Streams s) { return RunLedgerAllowance(file_, options, s); });
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.err;
  EXPECT_EQ(ran.result().amount().credits(), "100");
  EXPECT_EQ(ran.result().balance().available().credits(), "100");
  const Ran again =
      Run([&](Streams s) { return RunLedgerAllowance(file_, options, s); });
  EXPECT_EQ(again.result().first().amount().credits(), "100");
  file_.at = At(absl::Hours(24 * 40));
  AllowanceOptions later = options;
  later.id = "later";
  later.spec.anchor = absl::CivilDay(2027, 10, 31);
  const Ran later_ran =
      Run([&](Streams s) { return RunLedgerAllowance(file_, later, s); });
  EXPECT_EQ(later_ran.result().amount().credits(), "0");
  const Ran balance = Run([&](Streams s) {
    return RunLedgerBalance(file_, {.account = "acme"}, s);
  });
  EXPECT_THAT(balance.out, AllOf(HasSubstr("plan/credits/1"),
                                 HasSubstr("expired        100")));
  AllowanceOptions wrong = options;
  wrong.spec.zone = "Europe/Berlim";
  EXPECT_THAT(
      Run([&](Streams s) { return RunLedgerAllowance(file_, wrong, s); }).err,
      HasSubstr("zone: "));
}

TEST_F(LedgerCommandTest, AnIdOfSeveralAccountsAsksWhich) {
  for (const char* account : {"acme", "bolt"}) {
    ASSERT_EQ(Grant("welcome", "10", account).code, ExitCode::kOk);
    ASSERT_EQ(
        Reserve({.account = account, .credits = C("5"), .id = "job"}).code,
        ExitCode::kOk);
  }
  const Ran ran = Void({.reservation = "job", .id = "v"});
  EXPECT_EQ(ran.code, ExitCode::kBadInput);
  EXPECT_THAT(ran.err, HasSubstr("--account"));
  EXPECT_EQ(Void({.reservation = "job", .account = "bolt", .id = "v"})
                .result()
                .account(),
            "bolt");
}

TEST_F(LedgerCommandTest, QueriesMakeNoFileAndAForeignFileIsRefused) {
  for (int i = 0; i < 2; ++i) {
    const ExitCode expected =
        i == 0 ? ExitCode::kBadInput : ExitCode::kInternal;
    const Ran rans[] = {
        Run([&](Streams s) {
          return RunLedgerBalance(file_, {.account = "acme"}, s);
        }),
        Run([&](Streams s) {
          return RunLedgerHistory(file_, {.account = "acme"}, s);
        }),
        Run([&](Streams s) {
          return RunLedgerStatement(
              file_, {.account = "acme", .month = absl::CivilMonth(2026, 11)},
              s);
        }),
        Run([&](Streams s) { return RunLedgerVerify(file_, s); }),
        Run([&](Streams s) { return RunLedgerExport(file_, s); }),
        Ingest(""),
        Spend({.credits = C("1"), .id = "s"})};
    for (const Ran& ran : rans) {
      EXPECT_EQ(ran.code, expected);
      EXPECT_THAT(ran.err, HasSubstr(file_.db));
    }
    EXPECT_EQ(std::ifstream(file_.db).good(), i == 1);
    std::ofstream(file_.db) << "not a database, but long enough to be asked\n"
                            << std::string(4'096, 'x');
  }
}

TEST_F(LedgerCommandTest, ReportsSayWhatBecameOfIt) {
  ASSERT_EQ(Grant("welcome", "100").code, ExitCode::kOk);
  ASSERT_EQ(ReserveVideo("job", "30s").code, ExitCode::kOk);
  ASSERT_EQ(Capture({.reservation = "job", .quantity = "20s", .id = "c"}).code,
            ExitCode::kOk);
  ASSERT_EQ(ReserveVideo("big", "1h").code, ExitCode::kOverAvailable);
  const Ran at_seq = Run([&](Streams s) {
    return RunLedgerBalance(file_, {.account = "acme", .at_seq = 2}, s);
  });
  EXPECT_THAT(at_seq.out, AllOf(HasSubstr("reserved        30"),
                                HasSubstr("reserved by 2: 30 until")));
  const Ran history = Run([&](Streams s) {
    return RunLedgerHistory(file_, {.account = "acme"}, s);
  });
  EXPECT_THAT(history.out,
              AllOf(HasSubstr("1  2026-11-02"), HasSubstr("  12:00:00"),
                    HasSubstr("avatar_video "), HasSubstr("denied:"),
                    HasSubstr("insufficient\n")));
  const Ran explained = Run(
      [&](Streams s) { return RunLedgerExplain(file_, {.command = "c"}, s); });
  EXPECT_THAT(explained.out,
              AllOf(HasSubstr("so billed 20s; price 1 credits per 1s"),
                    HasSubstr("grant 1 (welcome): 20 credits"),
                    HasSubstr("released: 10 credits")));
  const Ran statement = Run([&](Streams s) {
    return RunLedgerStatement(
        file_, {.account = "acme", .month = absl::CivilMonth(2026, 11)}, s);
  });
  EXPECT_THAT(statement.out,
              AllOf(HasSubstr("avatar_video      1       20s       20"),
                    HasSubstr("closing          80")));
  const Ran verified =
      Run([&](Streams s) { return RunLedgerVerify(file_, s); });
  EXPECT_EQ(verified.code, ExitCode::kOk);
  EXPECT_THAT(verified.out, HasSubstr("fine: 4 entries, of which 1 denied"));
  const Ran exported =
      Run([&](Streams s) { return RunLedgerExport(file_, s); });
  EXPECT_EQ(std::count(exported.out.begin(), exported.out.end(), '\n'), 4);
  EXPECT_EQ(Run([&](Streams s) { return RunLedgerExport(file_, s); }).out,
            exported.out);
}

// Ingesting.

// 40 accounts, of which every fifth runs out of credits; spends, jobs that were
// reserved and sessions in slices.
std::vector<v1::UsageRecord> ManyRecords(int count) {
  std::vector<v1::UsageRecord> records;
  for (int i = 0; i < count; ++i) {
    v1::UsageRecord record;
    record.set_record_id(absl::StrCat("r-", i));
    record.set_account_id(absl::StrCat("a-", i % 40));
    record.set_operation(i % 3 == 0 ? "interactive_avatar" : "photo_avatar");
    if (i % 3 == 0) {
      record.mutable_duration()->set_seconds(i % 50);
      record.mutable_duration()->set_nanos(i % 1'000 * 1'000'000);
    } else {
      record.set_count(i % 3);
    }
    if (i % 2 == 0) {
      record.set_job_id(absl::StrCat("job-", i % 400));
      record.set_partial(i + 400 < count);
    }
    record.mutable_start_time()->set_seconds(1'793'534'400 + i);
    record.mutable_end_time()->set_seconds(1'793'534'400 + i);
    records.push_back(std::move(record));
  }
  return records;
}

std::string JsonLines(const std::vector<v1::UsageRecord>& records) {
  std::string lines;
  for (const v1::UsageRecord& record : records) {
    std::string line;
    (void)google::protobuf::util::MessageToJsonString(record, &line);
    absl::StrAppend(&lines, line, "\n");
  }
  return lines;
}

class IngestTest : public LedgerCommandTest {
 protected:
  // A file whose accounts have `credits` each, and reservations of some jobs.
  static ServiceFile Accounts(const std::string& name,
                              absl::string_view credits) {
    const ServiceFile file = Fresh(name);
    for (int i = 0; i < 40; ++i) {
      const std::string account = absl::StrCat("a-", i);
      Run([&](Streams s) {
        return RunLedgerGrant(
            file,
            {.account = account, .id = "g", .grant = {.amount = C(credits)}},
            s);
      });
      if (i % 4 != 0) continue;
      EXPECT_EQ(Run([&](Streams s) {
                  return RunLedgerReserve(file,
                                          {.account = account,
                                           .credits = C("1000"),
                                           .id = absl::StrCat("job-", i),
                                           .timeout = absl::Hours(9)},
                                          s);
                }).code,
                ExitCode::kOk);
    }
    return file;
  }

  // Balances and statements of all accounts.
  static std::string Contents(const ServiceFile& file) {
    std::string contents;
    for (int i = 0; i < 40; ++i) {
      const std::string account = absl::StrCat("a-", i);
      v1::AccountCredits balance;
      (void)google::protobuf::util::JsonStringToMessage(
          Run([&](Streams s) {
            ServiceFile json = file;
            json.format = ReportFormat::kJson;
            return RunLedgerBalance(json, {.account = account}, s);
          }).out,
          &balance);
      balance.clear_seq();
      absl::StrAppend(&contents, balance.DebugString());
      absl::StrAppend(
          &contents,
          Run([&](Streams s) {
            return RunLedgerStatement(
                file, {.account = account, .month = absl::CivilMonth(2026, 11)},
                s);
          }).out);
    }
    return contents;
  }
};

TEST_F(IngestTest, ReportsEveryRecordThatIsNotCharged) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  const std::string common =
      R"("account_id":"acme","operation":"photo_avatar",)"
      R"("start_time":"2026-11-02T11:00:00Z",)"
      R"("end_time":"2026-11-02T11:00:00Z"})";
  const std::string records =
      absl::StrCat(R"({"record_id":"a","count":2,)", common, "\n",
                   R"({"record_id":"b","count":9,)", common, "\n", "\n",
                   R"({"record_id":"a","count":3,)", common, "\n", "rubbish\n",
                   R"({"record_id":"c","count":-1,)", common, "\n",
                   R"({"record_id":"d","count":1,)", common);
  const Ran ran = Ingest(records);
  EXPECT_EQ(ran.code, ExitCode::kBadInput);
  EXPECT_THAT(ran.err,
              AllOf(HasSubstr("uncollected: 14 credits that accounts lacked"),
                    HasSubstr("-:4:1: id \"a\" of account \"acme\" was used"),
                    HasSubstr("-:5:1: no usage record"),
                    HasSubstr("-:6:1: count: -1 is negative")));
  EXPECT_THAT(ran.out, HasSubstr("records: 6, applied: 3, there before: 0, "
                                 "denied: 0, refused: 3"));
  EXPECT_THAT(ran.out, HasSubstr("charged: 10 credits"));
  EXPECT_THAT(ran.out, HasSubstr("uncollected: 14 credits"));
  const Ran again = Ingest(records.substr(0, records.find("\n\n")));
  EXPECT_EQ(again.code, ExitCode::kOk);
  EXPECT_THAT(again.out, HasSubstr("applied: 0, there before: 2"));
}

// 1 credit a second; 61 seconds for a job that is reserved for 60.
TEST_F(IngestTest, ASecondAboveTheHoldIsChargedOrUncollected) {
  const struct {
    const char* granted;
    const char* charged;
    const char* uncollected;
  } kRows[] = {{"1000", "61", "0"}, {"60", "60", "1"}};
  const std::string record =
      R"({"record_id":"r","account_id":"acme","operation":"avatar_video",)"
      R"("duration":"61s","job_id":"job","start_time":"2026-11-02T11:00:00Z",)"
      R"("end_time":"2026-11-02T11:01:01Z"})";
  for (const auto& row : kRows) {
    file_ = Fresh(absl::StrCat("above-", row.granted));
    ASSERT_EQ(Grant("welcome", row.granted).code, ExitCode::kOk);
    ASSERT_EQ(ReserveVideo("job", "60s").code, ExitCode::kOk);
    file_.format = ReportFormat::kJson;
    const Ran ran = Ingest(record);
    EXPECT_EQ(ran.code, ExitCode::kOk);
    v1::IngestReport report;
    ASSERT_TRUE(
        google::protobuf::util::JsonStringToMessage(ran.out, &report).ok());
    EXPECT_EQ(report.applied(), 1);
    EXPECT_EQ(report.charged().credits(), row.charged);
    EXPECT_EQ(report.uncollected().credits(), row.uncollected);
    const bool is_short = absl::string_view(row.uncollected) != "0";
    EXPECT_EQ(ran.err,
              is_short ? "konpro: uncollected: 1 credits that accounts lacked\n"
                       : "");
    const std::string statement =
        Run([&](Streams s) {
          return RunLedgerStatement(
              file_, {.account = "acme", .month = absl::CivilMonth(2026, 11)},
              s);
        }).out;
    const std::string balance =
        Run([&](Streams s) {
          return RunLedgerBalance(file_, {.account = "acme"}, s);
        }).out;
    const std::string history =
        Run([&](Streams s) {
          return RunLedgerHistory(file_, {.account = "acme"}, s);
        }).out;
    for (const std::string& shown : {balance, history}) {
      EXPECT_EQ(absl::StrContains(shown, "\"uncollected\""), is_short) << shown;
    }
    EXPECT_THAT(statement, HasSubstr("\"uncollected\""));
    file_.format = ReportFormat::kTable;
    EXPECT_EQ(absl::StrContains(Run([&](Streams s) {
                                  return RunLedgerStatement(
                                      file_,
                                      {.account = "acme",
                                       .month = absl::CivilMonth(2026, 11)},
                                      s);
                                }).out,
                                "uncollected, beside the balance: 1\n"),
              is_short);
  }
}

TEST_F(IngestTest, ARecordOfASettledJobIsCountedApartAndIsNoError) {
  ASSERT_EQ(Grant("welcome", "1000").code, ExitCode::kOk);
  ASSERT_EQ(ReserveVideo("job", "60s").code, ExitCode::kOk);
  ASSERT_EQ(
      Capture({.reservation = "job", .quantity = "50s", .id = "done"}).code,
      ExitCode::kOk);
  const std::string record =
      R"({"record_id":"r","account_id":"acme","operation":"avatar_video",)"
      R"("duration":"50s","job_id":"job","start_time":"2026-11-02T11:00:00Z",)"
      R"("end_time":"2026-11-02T11:01:01Z"@})";
  const Ran ran = Ingest(absl::StrReplaceAll(record, {{"@", ""}}));
  EXPECT_EQ(ran.code, ExitCode::kOk);
  EXPECT_THAT(ran.out, HasSubstr("job settled before, nothing charged: 1\n"));
  EXPECT_THAT(ran.out, HasSubstr("charged: 0 credits\n"));
  EXPECT_THAT(ran.err, HasSubstr("job settled before"));
  const Ran late =
      Ingest(absl::StrReplaceAll(record, {{"@", R"(,"late":true)"}}));
  EXPECT_EQ(late.code, ExitCode::kOk);
  EXPECT_THAT(late.out, HasSubstr("charged: 50 credits\n"));
}

TEST_F(IngestTest, MoreErrorsThanOthersShowAreAllShown) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  std::string records;
  for (int i = 0; i < 100; ++i) records += "rubbish\n";
  EXPECT_THAT(Ingest(records).err, HasSubstr("-:100:1: no usage record"));
}

TEST_F(IngestTest, AFileThatCannotBeReadIsAnError) {
  ASSERT_EQ(Grant("welcome", "10").code, ExitCode::kOk);
  const Ran ran = Run([&](Streams s) {
    return RunLedgerIngest(file_, {.records = "/nowhere"}, s);
  });
  EXPECT_EQ(ran.code, ExitCode::kBadInput);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("/nowhere: cannot be read"));
}

TEST_F(IngestTest, TwiceIsOnceAndBothFormsAreTheSame) {
  const std::vector<v1::UsageRecord> records = ManyRecords(20'000);
  const ServiceFile once = Accounts("once", "3000");
  ASSERT_NE(Ingest(once, JsonLines(records)).code, ExitCode::kBadInput);
  const std::string contents = Contents(once);
  EXPECT_THAT(Ingest(once, JsonLines(records)).out,
              HasSubstr("applied: 0, there before: 20000"));
  EXPECT_EQ(Contents(once), contents);
  std::ostringstream delimited;
  for (const v1::UsageRecord& record : records) {
    google::protobuf::util::SerializeDelimitedToOstream(record, &delimited);
  }
  const ServiceFile other = Accounts("other", "3000");
  Ingest(other, delimited.str());
  EXPECT_EQ(Contents(other), contents);
}

TEST_F(IngestTest, TwoShuffledHalvesAreTheWhole) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  std::vector<v1::UsageRecord> records = ManyRecords(20'000);
  const ServiceFile whole = Accounts("whole", "30000");
  ASSERT_EQ(Ingest(whole, JsonLines(records)).code, ExitCode::kOk);
  std::shuffle(records.begin(), records.end(), random);
  const auto half = records.begin() + records.size() / 2;
  const ServiceFile halves = Accounts("halves", "30000");
  ASSERT_EQ(Ingest(halves, JsonLines({half, records.end()})).code,
            ExitCode::kOk);
  ASSERT_EQ(Ingest(halves, JsonLines({records.begin(), half})).code,
            ExitCode::kOk);
  EXPECT_EQ(Contents(halves), Contents(whole));
}

// Also where credits run out: a file is charged in its order, and what is
// durable is a beginning of it.
TEST_F(IngestTest, KilledAndResumedIsAsIfNotKilled) {
  const uint64_t seed = std::random_device{}();
  std::cout << "seed " << seed << "\n";
  std::mt19937_64 random(seed);
  const std::string records = JsonLines(ManyRecords(60'000));
  const std::string path = absl::StrCat(::testing::TempDir(), "/killed.jsonl");
  std::ofstream(path) << records;
  const ServiceFile whole = Accounts("unkilled", "3000");
  const absl::Time begin = absl::Now();
  ASSERT_EQ(Ingest(whole, records).code, ExitCode::kOk);
  const int64_t micros = absl::ToInt64Microseconds(absl::Now() - begin);

  const ServiceFile killed = Accounts("killed", "3000");
  for (int i = 0; i < 8; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::istringstream in;
      std::ostringstream out;
      std::ostringstream err;
      _exit(static_cast<int>(
          RunLedgerIngest(killed, {.records = path}, {in, out, err})));
    }
    usleep(static_cast<useconds_t>(random() % static_cast<uint64_t>(micros)));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }
  EXPECT_EQ(Ingest(killed, records).code, ExitCode::kOk);
  EXPECT_EQ(Contents(killed), Contents(whole));
  const Ran verified =
      Run([&](Streams s) { return RunLedgerVerify(killed, s); });
  EXPECT_EQ(verified.code, ExitCode::kOk) << verified.err;
}

}  // namespace
}  // namespace konpro::cli

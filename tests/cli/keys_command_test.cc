// `konpro keys` and `konpro account` on one file, and that no key's text is in
// anything but the one output that is to show it.
#include "konpro/cli/keys_command.h"

#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/cli/accounts_command.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/report_message.h"
#include "proto/account.pb.h"
#include "proto/api_key.pb.h"

namespace konpro::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'040);

class KeysCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    file_.db = absl::StrCat(::testing::TempDir(), "/keys_command.db");
    file_.at = kNow;
    for (const char* suffix : {"", "-wal", "-shm"}) {
      remove(absl::StrCat(file_.db, suffix).c_str());
    }
  }

  Streams NewStreams(const std::string& in = "") {
    in_.str(in);
    in_.clear();
    out_.str("");
    err_.str("");
    return {in_, out_, err_};
  }

  // What goes to a log, a terminal that is not the owner's, or a report.
  void Show() { absl::StrAppend(&shown_, out_.str(), err_.str()); }

  std::string Create(const std::string& account) {
    EXPECT_EQ(RunKeysCreate(file_, {.account = account}, NewStreams()),
              ExitCode::kOk);
    absl::StrAppend(&shown_, err_.str());
    texts_.emplace_back(absl::StripAsciiWhitespace(out_.str()));
    return texts_.back();
  }

  v1::ApiKeys List(const std::string& account) {
    ServiceFile json = file_;
    json.format = ReportFormat::kJson;
    EXPECT_EQ(RunKeysList(json, account, NewStreams()), ExitCode::kOk);
    Show();
    v1::ApiKeys report;
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(out_.str(), &report).ok());
    return report;
  }

  v1::Account AccountOf(const std::string& account) {
    ServiceFile json = file_;
    json.format = ReportFormat::kJson;
    EXPECT_EQ(RunAccountShow(json, account, NewStreams()), ExitCode::kOk);
    v1::Account report;
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(out_.str(), &report).ok());
    return report;
  }

  ServiceFile file_;
  std::istringstream in_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::string shown_;
  std::vector<std::string> texts_;
};

TEST_F(KeysCommand, NewKeyIsPrintedAloneAndItsIdBeside) {
  const std::string text = Create("acme");
  EXPECT_THAT(text, ::testing::MatchesRegex("kp_[0-9A-Za-z]{36}"));
  const v1::ApiKeys keys = List("acme");
  ASSERT_EQ(keys.keys_size(), 1);
  EXPECT_EQ(keys.keys(0).account(), "acme");
  EXPECT_EQ(keys.keys(0).state(), "active");
  EXPECT_EQ(keys.keys(0).last_four(), text.substr(text.size() - 4));
  EXPECT_EQ(keys.keys(0).created_at(), "2023-11-14T22:14:00Z");
  EXPECT_EQ(keys.keys(0).ends_at(), "never");
  EXPECT_EQ(keys.keys(0).last_used_at(), "never");
  EXPECT_FALSE(keys.keys(0).has_key());
  EXPECT_THAT(shown_, HasSubstr(keys.keys(0).id()));
  EXPECT_EQ(AccountOf("acme").plan(), "free_trial");
}

TEST_F(KeysCommand, NewKeyIsAFieldOfJson) {
  file_.format = ReportFormat::kJson;
  ASSERT_EQ(RunKeysCreate(
                file_, {.account = "acme", .expires_at = kNow + absl::Hours(1)},
                NewStreams()),
            ExitCode::kOk);
  v1::ApiKey report;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(out_.str(), &report).ok());
  EXPECT_THAT(report.key(), HasSubstr("kp_"));
  EXPECT_EQ(report.ends_at(), "2023-11-14T23:14:00Z");
  EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(KeysCommand, WhoamiReadsTheTextFromWhereNobodyLooks) {
  const std::string text = Create("acme");
  const std::string path = absl::StrCat(::testing::TempDir(), "/key");
  std::ofstream(path) << text << "\n";
  setenv("KONPRO_TEST_KEY", text.c_str(), 1);
  const std::string id = List("acme").keys(0).id();
  const struct {
    WhoamiOptions options;
    std::string in;
  } kCases[] = {
      {{}, text},
      {{}, absl::StrCat(" ", text, "\r\n")},
      {{.file = path}, ""},
      {{.variable = "KONPRO_TEST_KEY"}, ""},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(RunKeysWhoami(file_, c.options, NewStreams(c.in)), ExitCode::kOk);
    EXPECT_THAT(out_.str(), AllOf(HasSubstr("account acme\n"), HasSubstr(id)));
  }
}

TEST_F(KeysCommand, WhoamiSaysWhyAKeyOpensNothing) {
  const std::string dead = Create("acme");
  ASSERT_EQ(RunKeysDeactivate(file_, List("acme").keys(0).id(), NewStreams()),
            ExitCode::kOk);
  const struct {
    std::string in;
    absl::string_view why;
  } kCases[] = {
      {"", "missing"},
      {"kp_", "malformed"},
      {std::string(1'000, 'k'), "malformed"},
      {"kp_0123456789ABCDEFGHIJKLMNOPQRST4FPlxO", "unknown"},
      {dead, "deactivated"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(RunKeysWhoami(file_, {}, NewStreams(c.in)), ExitCode::kBadInput);
    EXPECT_THAT(err_.str(), HasSubstr(std::string(c.why)));
    EXPECT_THAT(out_.str(), IsEmpty());
  }
  EXPECT_EQ(RunKeysWhoami(file_, {.variable = "KONPRO_NO_SUCH"}, NewStreams()),
            ExitCode::kBadInput);
  EXPECT_EQ(RunKeysWhoami(file_, {.file = "/no/such"}, NewStreams()),
            ExitCode::kBadInput);
}

TEST_F(KeysCommand, ResetEndsTheOldKeyBehindTheOverlap) {
  Create("acme");
  const std::string old = List("acme").keys(0).id();
  ASSERT_EQ(RunKeysReset(file_, {.key = old, .overlap = absl::Hours(1)},
                         NewStreams()),
            ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("kp_"));
  const v1::ApiKeys keys = List("acme");
  ASSERT_EQ(keys.keys_size(), 2);
  EXPECT_EQ(keys.keys(0).state(), "replaced");
  EXPECT_EQ(keys.keys(0).ends_at(), "2023-11-14T23:14:00Z");
  EXPECT_EQ(keys.keys(1).state(), "active");
  EXPECT_EQ(AccountOf("acme").keys(), 2);
  EXPECT_EQ(RunKeysReset(file_, {.key = old}, NewStreams()),
            ExitCode::kBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("not active"));
}

TEST_F(KeysCommand, WrongNamesAreBadInput) {
  EXPECT_EQ(RunKeysList(file_, "acme", NewStreams()), ExitCode::kBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("no such file"));
  Create("acme");
  EXPECT_EQ(RunKeysList(file_, "other", NewStreams()), ExitCode::kBadInput);
  EXPECT_EQ(RunKeysDeactivate(file_, "x", NewStreams()), ExitCode::kBadInput);
  EXPECT_EQ(RunKeysDeactivate(file_, "0123456789abcdef", NewStreams()),
            ExitCode::kBadInput);
  EXPECT_EQ(RunKeysCreate(file_, {.account = "a b"}, NewStreams()),
            ExitCode::kBadInput);
  EXPECT_EQ(RunAccountShow(file_, "other", NewStreams()), ExitCode::kBadInput);
  EXPECT_EQ(
      RunAccountPlan(file_, {.account = "acme", .plan = "gold"}, NewStreams()),
      ExitCode::kBadInput);
  EXPECT_THAT(err_.str(), HasSubstr("gold"));
}

TEST_F(KeysCommand, AccountShowsWhatItIsOnAndHas) {
  ASSERT_EQ(RunAccountProvision(file_, "acme", NewStreams()), ExitCode::kOk);
  EXPECT_EQ(out_.str(),
            "account     acme\n"
            "plan        free_trial\n"
            "requests    minute:10/1m,day:100/24h\n"
            "operations  avatar_video, video_translation, interactive_avatar\n"
            "keys        0\n"
            "credits     none, never any\n");
  ASSERT_EQ(RunAccountPlan(file_, {.account = "acme", .plan = "enterprise"},
                           NewStreams()),
            ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("none: it has not been given any"));
  ASSERT_EQ(RunAccountPlan(file_,
                           {.account = "acme",
                            .plan = "enterprise",
                            .windows = ParseWindows("minute:7/1m").value()},
                           NewStreams()),
            ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("minute:7/1m (its own)"));
  ASSERT_EQ(RunAccountSuspend(file_, "acme", NewStreams()), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("acme (suspended)"));
  const v1::Account report = AccountOf("acme");
  EXPECT_TRUE(report.is_suspended());
  EXPECT_TRUE(report.has_own_windows());
  EXPECT_EQ(report.windows(0).limit(), 7);
  EXPECT_EQ(report.windows(0).period_ms(), 60'000);
  EXPECT_FALSE(report.has_balance());
  ASSERT_EQ(RunAccountResume(file_, "acme", NewStreams()), ExitCode::kOk);
  EXPECT_FALSE(AccountOf("acme").is_suspended());
}

TEST_F(KeysCommand, TextOfAKeyIsShownOnceAndNowhereElse) {
  for (int i = 0; i < 3; ++i) Create("acme");
  const v1::ApiKeys keys = List("acme");
  ASSERT_EQ(RunKeysReset(file_, {.key = keys.keys(0).id()}, NewStreams()),
            ExitCode::kOk);
  absl::StrAppend(&shown_, err_.str());
  texts_.emplace_back(absl::StripAsciiWhitespace(out_.str()));
  RunKeysDeactivate(file_, keys.keys(1).id(), NewStreams());
  Show();
  for (const std::string& text : texts_) {
    RunKeysWhoami(file_, {}, NewStreams(text));
    Show();
    // By mistake in the wrong place.
    EXPECT_EQ(RunKeysList(file_, text, NewStreams()), ExitCode::kBadInput);
    Show();
    EXPECT_EQ(RunKeysDeactivate(file_, text, NewStreams()),
              ExitCode::kBadInput);
    Show();
    EXPECT_EQ(RunAccountShow(file_, text + "!", NewStreams()),
              ExitCode::kBadInput);
    Show();
    EXPECT_EQ(
        RunAccountPlan(file_, {.account = "acme", .plan = text}, NewStreams()),
        ExitCode::kBadInput);
    Show();
  }
  RunKeysList(file_, "acme", NewStreams());
  Show();
  RunAccountShow(file_, "acme", NewStreams());
  Show();
  for (const char* suffix : {"", "-wal"}) {
    std::ifstream in(absl::StrCat(file_.db, suffix), std::ios::binary);
    shown_.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_THAT(shown_, HasSubstr(keys.keys(0).id()));
  for (const std::string& text : texts_) {
    EXPECT_EQ(shown_.find(text), std::string::npos);
    EXPECT_EQ(shown_.find(text.substr(3, 20)), std::string::npos);
  }
}

}  // namespace
}  // namespace konpro::cli

#include "konpro/cli/ledger_flags.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/input/input_file.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

// Input that a server takes, less room for the words of a command.
constexpr size_t kForwardedBytesMax = size_t{768} << 10;

template <typename Value>
CLI::Option* AddAmount(CLI::App& command, const char* name, Value& credits,
                       const char* help) {
  return command
      .add_option_function<std::string>(
          name,
          [name, &credits](const std::string& text) {
            credits = ParseCredits(name, text);
          },
          help)
      ->type_name("CREDITS");
}

// `values` by the names that the ledger prints.
template <typename Value>
std::map<std::string, Value> Named(absl::string_view (*name_of)(Value),
                                   std::initializer_list<Value> values) {
  std::map<std::string, Value> named;
  for (const Value value : values) named[std::string(name_of(value))] = value;
  return named;
}

template <typename Value>
CLI::Option* AddChoice(CLI::App& command, const std::string& name, Value& value,
                       const std::map<std::string, Value>& choices,
                       const char* help) {
  std::vector<std::string> names;
  for (const auto& [text, unused] : choices) names.push_back(text);
  return command
      .add_option_function<std::string>(
          name,
          [&value, choices](const std::string& text) {
            value = choices.at(text);
          },
          help)
      ->type_name(absl::StrJoin(names, "|"))
      ->check(CLI::IsMember(names).description(""));
}

// A time that the ledger can have.
absl::Time ParseLedgerTime(const char* name, const std::string& text) {
  const absl::Time time = ParseTime(name, text);
  if (time < absl::UnixEpoch() || time >= UnixNanos::Max().ToTime()) {
    throw CLI::ValidationError(name, "outside 1970-01-01 .. 2262-04-11");
  }
  return time;
}

void AddTime(CLI::App& command, const char* name, UnixNanos& time,
             const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &time](const std::string& text) {
            time = UnixNanos::FromTime(ParseLedgerTime(name, text));
          },
          help)
      ->type_name("RFC3339");
}

void AddText(CLI::App& command, const char* name, std::string& text,
             const char* help) {
  command.add_option(name, text, help)->required()->type_name("");
}

void AddId(CLI::App& command, std::string& id) {
  command
      .add_option(
          "--id", id,
          "the command's id: a retry with the same id has no further effect")
      ->required()
      ->type_name("ID");
}

void AddOf(CLI::App& command, std::string& account) {
  command
      .add_option("--account", account,
                  "the account, if several have a command with that id")
      ->type_name("ACCOUNT");
}

void AddOperations(CLI::App& command, std::vector<std::string>& operations) {
  command
      .add_option("--operations", operations,
                  "operations that may draw on it (default: all)")
      ->delimiter(',')
      ->type_name("NAME,...");
}

void AddKind(CLI::App& command, GrantKind& kind) {
  AddChoice(command, "--kind", kind,
            Named(GrantKindName, {GrantKind::kPaid, GrantKind::kPromotional}),
            "(default: paid)");
}

}  // namespace

CLI::App& LedgerFlags::AddCommand(CLI::App& ledger, const char* name,
                                  const char* help,
                                  std::function<ExitCode(Streams)> run) {
  CLI::App& command = *ledger.add_subcommand(name, help);
  command.fallthrough();
  command.callback([this, run = std::move(run)] { run_ = run; });
  return command;
}

void LedgerFlags::Add(CLI::App& app, const std::string& exit_codes) {
  CLI::App& ledger = *app.add_subcommand(
      "ledger",
      "credits of accounts: grants, reservations, charges, statements");
  ledger.require_subcommand(1);
  ledger.footer(
      "A quantity is as in a manifest. A reservation is named by the --id that "
      "made it. Commands\nthat change an account print one JSON object. A "
      "retry "
      "with the same --id and content\nreturns the first result and has no "
      "further effect.\n\n" +
      exit_codes);
  AddFile(ledger);
  AddGrant(ledger);
  AddAllowance(ledger);
  AddRevocations(ledger);
  AddReserve(ledger);
  AddCapture(ledger);
  AddVoid(ledger);
  AddSpend(ledger);
  AddRefund(ledger);
  AddQueries(ledger);
  AddStatement(ledger);
  AddIngest(ledger);
}

absl::StatusOr<std::string> LedgerFlags::ReadInput(Streams streams) const {
  std::string all;
  if (!ingest_command_->parsed()) return all;
  InputFile input(ingest_.records, streams.in, /*progress_out=*/nullptr);
  for (absl::string_view block = input.Read(); !block.empty();
       block = input.Read()) {
    absl::StrAppend(&all, block);
    if (all.size() > kForwardedBytesMax) {
      return absl::OutOfRangeError(absl::StrCat(
          "a server has the file open and takes ", kForwardedBytesMax,
          " bytes of records at once: ingest them in parts, or stop the "
          "server"));
    }
  }
  if (!input.error().empty()) {
    return absl::NotFoundError(
        absl::StrCat(ingest_.records, ": ", input.error()));
  }
  return all;
}

void LedgerFlags::RunOn(Service& open) {
  file_.open = &open;
  ingest_.records = "-";
}

void LedgerFlags::AddFile(CLI::App& ledger) {
  ledger
      .add_option("--db", file_.db,
                  "the ledger's file; a grant creates a missing file")
      ->required()
      ->type_name("FILE");
  ledger
      .add_option_function<std::string>(
          "--at",
          [this](const std::string& text) {
            file_.at = ParseLedgerTime("--at", text);
          },
          "the time of the command or the report; a command is at most "
          "--clock-tolerance\nahead of the clock, and the ledger's time never "
          "goes back (default: now)")
      ->type_name("RFC3339");
  ledger.add_flag("--simulate", file_.simulate,
                  "let a command run ahead of the clock, on a file that is "
                  "kept for that");
  AddClockTolerance(ledger, file_.clock_tolerance);
  AddCatalog(ledger, file_.catalog);
  AddFormat(ledger, file_.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

void LedgerFlags::AddGrant(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "grant", "grants credits to an account",
      [this](Streams s) { return RunLedgerGrant(file_, grant_, s); });
  AddText(command, "ACCOUNT", grant_.account, "the account");
  AddAmount(command, "CREDITS", grant_.grant.amount, "the amount")->required();
  AddId(command, grant_.id);
  command
      .add_option("--priority", grant_.grant.priority,
                  "grants with a low one are drawn first (default: 0)")
      ->type_name("N");
  AddTime(command, "--effective", grant_.grant.effective_at,
          "when it becomes available (default: always)");
  AddTime(command, "--expires", grant_.grant.expires_at,
          "when it expires (default: never)");
  AddOperations(command, grant_.grant.operations);
  AddKind(command, grant_.grant.kind);
}

void LedgerFlags::AddAllowance(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "allowance", "grants credits to an account in each period",
      [this](Streams s) { return RunLedgerAllowance(file_, allowance_, s); });
  Allowance::Spec& spec = allowance_.spec;
  AddText(command, "ACCOUNT", allowance_.account, "the account");
  AddAmount(command, "CREDITS", spec.amount, "the amount of each period")
      ->required();
  AddId(command, allowance_.id);
  AddChoice(command, "--cycle", spec.cycle,
            Named(CycleName,
                  {Cycle::kDay, Cycle::kWeek, Cycle::kMonth, Cycle::kYear}),
            "(default: month)");
  command
      .add_option_function<std::string>(
          "--anchor",
          [&spec](const std::string& text) {
            if (!absl::ParseCivilTime(text, &spec.anchor)) {
              throw CLI::ValidationError("--anchor",
                                         "not a date such as 2027-01-31");
            }
          },
          "the first day of the first period")
      ->required()
      ->type_name("DATE");
  command
      .add_option_function<std::string>(
          "--zone",
          [&spec](const std::string& text) {
            ParseZone("--zone", text);
            spec.zone = text;
          },
          "the time zone of days (default: UTC)")
      ->type_name("NAME");
  AddAmount(command, "--rollover-max", spec.rollover_max,
            "the most that is carried into the next period (default: 0)");
  command
      .add_option("--periods", spec.periods,
                  "the number of periods (default: no end)")
      ->type_name("N");
  command
      .add_option("--priority", spec.priority,
                  "grants with a low one are drawn first (default: 0)")
      ->type_name("N");
  AddOperations(command, spec.operations);
  AddKind(command, spec.kind);
}

void LedgerFlags::AddRevocations(CLI::App& ledger) {
  CLI::App& end =
      AddCommand(ledger, "end-allowance",
                 "ends an allowance: no further periods", [this](Streams s) {
                   return RunLedgerEndAllowance(file_, end_allowance_, s);
                 });
  AddText(end, "ACCOUNT", end_allowance_.account, "the account");
  AddText(end, "ALLOWANCE", end_allowance_.allowance, "its --id");
  AddId(end, end_allowance_.id);
  CLI::App& revoke = AddCommand(
      ledger, "void-grant",
      "takes a grant back: what is free now, what is held once it is released",
      [this](Streams s) { return RunLedgerVoidGrant(file_, void_grant_, s); });
  AddText(revoke, "ACCOUNT", void_grant_.account, "the account");
  AddText(revoke, "GRANT", void_grant_.grant,
          "its --id; of an allowance's period, the id in the history");
  AddId(revoke, void_grant_.id);
}

void LedgerFlags::AddReserve(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "reserve", "holds credits for a job",
      [this](Streams s) { return RunLedgerReserve(file_, reserve_, s); });
  AddText(command, "ACCOUNT", reserve_.account, "the account");
  command.add_option("OPERATION", reserve_.operation, "the job's operation")
      ->type_name("");
  command
      .add_option("QUANTITY", reserve_.quantity,
                  "the most that the job can need")
      ->type_name("");
  AddAmount(command, "--credits", reserve_.credits,
            "an amount in place of a quantity");
  command
      .add_option(
          "--id", reserve_.id,
          "the id of the reservation and of the command: a retry with the "
          "same id has no further effect")
      ->type_name("ID");
  command
      .add_option_function<std::string>(
          "--timeout",
          [this](const std::string& text) {
            reserve_.timeout = ParseTimeSpan("--timeout", text);
            if (reserve_.timeout == absl::ZeroDuration()) {
              throw CLI::ValidationError("--timeout",
                                         "not a time above zero such as 1h30m");
            }
          },
          "after which time it expires (default: 1h)")
      ->type_name("TIME");
  AddChoice(command, "--overrun", reserve_.overrun,
            Named(OverrunName, {Overrun::kReject, Overrun::kTopUp}),
            "the effect of a capture above it (default: reject)");
  AddChoice(command, "--mode", reserve_.mode,
            Named(DrawModeName, {DrawMode::kNormal, DrawMode::kBestEffort,
                                 DrawMode::kCheckOnly}),
            "best-effort holds what is available (default: normal)");
}

void LedgerFlags::AddSpend(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "spend", "charges an account at once",
      [this](Streams s) { return RunLedgerSpend(file_, spend_, s); });
  AddText(command, "ACCOUNT", spend_.account, "the account");
  command.add_option("OPERATION", spend_.operation, "the operation")
      ->type_name("");
  command.add_option("QUANTITY", spend_.quantity, "the quantity")
      ->type_name("");
  AddAmount(command, "--credits", spend_.credits,
            "an amount in place of a quantity");
  AddId(command, spend_.id);
}

void LedgerFlags::AddCapture(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "capture", "charges what was held for a job",
      [this](Streams s) { return RunLedgerCapture(file_, capture_, s); });
  AddText(command, "RESERVATION_ID", capture_.reservation, "its --id");
  command
      .add_option("QUANTITY", capture_.quantity,
                  "the quantity of the reservation's operation")
      ->type_name("");
  AddAmount(command, "--credits", capture_.credits,
            "an amount in place of a quantity");
  command.add_flag("--all", capture_.all, "all that is held");
  command.add_flag("--partial", capture_.partial,
                   "keep the rest held for later captures");
  AddId(command, capture_.id);
  AddOf(command, capture_.account);
}

void LedgerFlags::AddVoid(CLI::App& ledger) {
  CLI::App& command =
      AddCommand(ledger, "void", "releases what was held for a job",
                 [this](Streams s) { return RunLedgerVoid(file_, void_, s); });
  AddText(command, "RESERVATION_ID", void_.reservation, "its --id");
  AddId(command, void_.id);
  AddOf(command, void_.account);
}

void LedgerFlags::AddRefund(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "refund", "refunds a spend or a capture",
      [this](Streams s) { return RunLedgerRefund(file_, refund_, s); });
  AddText(command, "COMMAND_ID", refund_.command, "its --id");
  AddAmount(command, "--credits", refund_.credits,
            "the amount (default: all that is not refunded)");
  AddId(command, refund_.id);
  AddOf(command, refund_.account);
}

void LedgerFlags::AddQueries(CLI::App& ledger) {
  CLI::App& balance = AddCommand(
      ledger, "balance", "the credits of an account",
      [this](Streams s) { return RunLedgerBalance(file_, balance_, s); });
  AddText(balance, "ACCOUNT", balance_.account, "the account");
  balance
      .add_option("--at-seq", balance_.at_seq,
                  "as of that entry of the journal")
      ->type_name("N");
  CLI::App& history = AddCommand(
      ledger, "history", "all commands of an account",
      [this](Streams s) { return RunLedgerHistory(file_, history_, s); });
  AddText(history, "ACCOUNT", history_.account, "the account");
  CLI::App& explain = AddCommand(
      ledger, "explain", "how the result of a command came about",
      [this](Streams s) { return RunLedgerExplain(file_, explain_, s); });
  AddText(explain, "COMMAND_ID", explain_.command, "its --id");
  AddOf(explain, explain_.account);
  AddCommand(ledger, "verify", "reads all of the journal and checks it",
             [this](Streams s) { return RunLedgerVerify(file_, s); });
  AddCommand(ledger, "export", "all of the journal as JSON Lines",
             [this](Streams s) { return RunLedgerExport(file_, s); });
}

void LedgerFlags::AddStatement(CLI::App& ledger) {
  CLI::App& command = AddCommand(
      ledger, "statement", "an account's credits in a month",
      [this](Streams s) { return RunLedgerStatement(file_, statement_, s); });
  AddText(command, "ACCOUNT", statement_.account, "the account");
  command
      .add_option_function<std::string>(
          "--month",
          [this](const std::string& text) {
            absl::CivilMonth& month = statement_.month;
            if (!absl::ParseCivilTime(text, &month) || month.year() < 1970 ||
                month.year() > 2261) {
              throw CLI::ValidationError("--month",
                                         "not a month such as 2026-11");
            }
          },
          "by the ledger's time")
      ->required()
      ->type_name("MONTH");
  AddZone(command, statement_.zone,
          "the time zone of the month (default: UTC)");
}

void LedgerFlags::AddIngest(CLI::App& ledger) {
  CLI::App& command =
      *(ingest_command_ = &AddCommand(
            ledger, "ingest", "charges usage records, each once",
            [this](Streams s) { return RunLedgerIngest(file_, ingest_, s); }));
  AddText(command, "RECORDS", ingest_.records,
          "konpro.v1.UsageRecord as JSON Lines or as length-delimited binary; "
          "- for standard\ninput");
  AddChoice(command, "--input", ingest_.form,
            {{"auto", UsageRecordForm::kAuto},
             {"jsonl", UsageRecordForm::kJsonLines},
             {"delimited", UsageRecordForm::kDelimited}},
            "the format of the records (default: auto)");
  AddChoice(command, "--on-shortfall", ingest_.charging.denies_shortfall,
            {{"uncollected", false}, {"deny", true}},
            "what an account has too little for is uncollected, or the record "
            "is denied\n(default: uncollected)");
  command
      .add_option(
          "--implausible-factor", ingest_.charging.implausible_factor,
          "refuses a record with which its job costs more than so many times "
          "what its\nreservation was made for; 0: none (default: 10)")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}))
      ->type_name("N");
}

}  // namespace konpro::cli

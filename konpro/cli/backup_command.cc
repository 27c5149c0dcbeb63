#include "konpro/cli/backup_command.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/access/backend.h"
#include "konpro/access/backup.h"
#include "konpro/cli/flag_parsing.h"
#include "konpro/ledger/ledger.h"
#include "konpro/report/ledger_message.h"
#include "konpro/report/report_message.h"
#include "proto/backup.pb.h"

namespace konpro::cli {
namespace {

// Copies from the file, or from the service that has it open.
class Source {
 public:
  static absl::StatusOr<Source> Open(const ServiceFile& file) {
    Source source;
    if (file.open != nullptr) {
      source.service_ = file.open;
      return source;
    }
    absl::StatusOr<Backend> backend = OpenBackend(file.db, /*create=*/false);
    if (!backend.ok()) return backend.status();
    absl::StatusOr<std::unique_ptr<Ledger>> ledger =
        Ledger::Open(std::move(backend->ledger), {});
    if (!ledger.ok()) return ledger.status();
    source.ledger_ = *std::move(ledger);
    source.backend_ = *std::move(backend);
    return source;
  }

  Ledger& ledger() const {
    return service_ != nullptr ? service_->ledger() : *ledger_;
  }

  absl::StatusOr<BackupCounts> CopyTo(Backend& to, uint64_t through) const {
    if (service_ != nullptr) return BackUp(*service_, through, to);
    return BackUp(
        *ledger_,
        [&](absl::FunctionRef<absl::Status(ApiKeyRecord)> load) {
          return backend_.keys->LoadAll(load);
        },
        [&](absl::FunctionRef<absl::Status(AccountRecord)> load) {
          return backend_.accounts->LoadAll(load);
        },
        through, to);
  }

 private:
  Source() = default;

  Service* service_ = nullptr;
  // Otherwise; the ledger has the backend's journal.
  Backend backend_;
  std::unique_ptr<Ledger> ledger_;
};

absl::StatusOr<v1::Backup> Copy(const ServiceFile& file,
                                const BackupOptions& options) {
  const absl::StatusOr<Source> source = Source::Open(file);
  if (!source.ok()) return source.status();
  const absl::StatusOr<JournalHead> head = source->ledger().Head();
  if (!head.ok()) return head.status();
  const uint64_t through = options.through.value_or(head->sequence);
  if (through > head->sequence) {
    return absl::OutOfRangeError(absl::StrCat("--through: the journal has ",
                                              head->sequence, " entries, not ",
                                              through));
  }
  v1::Backup report;
  absl::Status status =
      MakeBackend(options.to, [&](Backend& to) -> absl::Status {
        const absl::StatusOr<BackupCounts> counts = source->CopyTo(to, through);
        if (!counts.ok()) return counts.status();
        report.set_entries(counts->entries);
        report.set_keys(counts->keys);
        report.set_accounts(counts->accounts);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  report.set_from(file.db);
  report.set_to(options.to);
  status = source->ledger().ForEachEntry(
      through + 1, ~uint64_t{0},
      [&](const JournalEntry& entry, absl::string_view) {
        *report.add_left_out() = ToEntry(entry);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return report;
}

}  // namespace

ExitCode RunBackup(const ServiceFile& file, const BackupOptions& options,
                   Streams streams) {
  const absl::StatusOr<v1::Backup> report = Copy(file, options);
  if (!report.ok()) return FailWith(report.status(), streams);
  if (file.format == ReportFormat::kJson) {
    PrintJson(*report, streams.out);
  } else {
    PrintBackupText(*report, streams.out);
  }
  return ExitCode::kOk;
}

void BackupFlags::Add(CLI::App& app, const std::string& exit_codes) {
  CLI::App& command = *app.add_subcommand(
      "backup",
      "copies a database file: its accounts, keys and credits, also while a "
      "server has it open");
  command.footer(
      std::string(
          "The copy is whole or not there, and only its owner can read it. "
          "With --through it ends\nwith that entry of the journal, and the "
          "entries that it leaves out are listed: so a\njournal is repaired "
          "that a wrong clock or a mistyped time has moved ahead. Accounts "
          "and\nkeys are as they are now.\n\n") +
      exit_codes);
  command.add_option("NEW", options_.to, "the copy, a new file")
      ->required()
      ->type_name("");
  command
      .add_option("--db", file_.db, "the file of accounts, keys and credits")
      ->required()
      ->type_name("FILE");
  command
      .add_option("--through", options_.through,
                  "the last entry of the journal to copy (default: all)")
      ->type_name("SEQ");
  AddFormat(command, file_.format,
            {{"table", ReportFormat::kTable}, {"json", ReportFormat::kJson}});
}

std::vector<std::string> BackupFlags::Arguments() const {
  std::vector<std::string> words = {
      "backup", std::filesystem::absolute(options_.to).string(),
      absl::StrCat("--db=", file_.db),
      file_.format == ReportFormat::kJson ? "--format=json" : "--format=table"};
  if (options_.through.has_value()) {
    words.push_back(absl::StrCat("--through=", *options_.through));
  }
  return words;
}

}  // namespace konpro::cli

// What the commands of `konpro ledger` share: the file, the time, who a command
// is of, and what goes wrong with any of them.
#ifndef KONPRO_CLI_LEDGER_SESSION_H_
#define KONPRO_CLI_LEDGER_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/service.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/cli/command.h"
#include "konpro/ledger/ledger.h"
#include "konpro/report/report_format.h"

namespace konpro::cli {

struct LedgerFile {
  std::string db;
  // The caller's clock; nullopt: now.
  std::optional<absl::Time> at;
  // A catalog file; "" for the built-in catalog.
  std::string catalog;
  // What a server has open; nullptr: the file is opened.
  Service* open = nullptr;
  // kTable or kJson. What changes an account prints JSON all the same.
  ReportFormat format = ReportFormat::kTable;
};

// `file.at`, or the clock.
UnixNanos TimeOf(const LedgerFile& file);

// The catalog that commands price by: of the file's server, else LoadCatalog().
std::optional<Catalog> CatalogOf(const LedgerFile& file, Streams streams);

// Closes what it opened itself.
struct LedgerCloser {
  bool is_owner = true;
  void operator()(Ledger* ledger) const {
    if (is_owner) delete ledger;
  }
};
using LedgerPointer = std::unique_ptr<Ledger, LedgerCloser>;

// The ledger in the file; makes the file where `create`. nullptr after the
// reason went to streams.err and its code to `code`.
LedgerPointer OpenLedger(const LedgerFile& file, bool create, Streams streams,
                         ExitCode& code);

// The latest command with that id, of `account` or, where that is "", of the
// one account that has it. kNotFound: there is none. kInvalidArgument: several
// accounts have one.
absl::StatusOr<Ledger::CommandPlace> FindTarget(Ledger& ledger,
                                                absl::string_view account,
                                                absl::string_view id);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_LEDGER_SESSION_H_

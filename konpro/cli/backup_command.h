// `konpro backup`: a copy of a database file, or of its beginning, while a
// server may have the file open.
#ifndef KONPRO_CLI_BACKUP_COMMAND_H_
#define KONPRO_CLI_BACKUP_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "konpro/access/service.h"
#include "konpro/cli/command.h"
#include "konpro/cli/service_session.h"

namespace konpro::cli {

struct BackupOptions {
  std::string to;  // the new file
  // The last entry of the journal that is copied; nullopt: all of it.
  std::optional<uint64_t> through;
};

// Prints what was copied and which entries were left out. kBadInput: the new
// file is there already, or the journal has fewer entries.
ExitCode RunBackup(const ServiceFile& file, const BackupOptions& options,
                   Streams streams);

// The options of `konpro backup`. Must outlive the App that it is added to.
// Thread-compatible.
class BackupFlags {
 public:
  BackupFlags() = default;
  BackupFlags(const BackupFlags&) = delete;
  BackupFlags& operator=(const BackupFlags&) = delete;

  void Add(CLI::App& app, const std::string& exit_codes);

  // All of these are of the command that was parsed.

  const std::string& db() const { return file_.db; }
  // Its words for a server, whose folder is another.
  std::vector<std::string> Arguments() const;
  absl::StatusOr<std::string> ReadInput(Streams) const { return ""; }
  void RunOn(Service& open) { file_.open = &open; }
  ExitCode Run(Streams streams) const {
    return RunBackup(file_, options_, streams);
  }

 private:
  ServiceFile file_;
  BackupOptions options_;
};

}  // namespace konpro::cli

#endif  // KONPRO_CLI_BACKUP_COMMAND_H_

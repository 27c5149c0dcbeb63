// What accounts' rate windows have used, in a file beside the database that is
// the limiter's memory: each admission is in it when it is decided, so that a
// server that ends at any instruction forgets nothing, and one that restarts
// does not admit a window's requests twice.
//
//   auto file = *LimitsFile::Open("credits.db.limits",
//                                 {.capacity = 70'000, .accounts = ids});
//   file->registry().TryAcquire("acme", 1, now);
//   file->Sync();                   // each second: for a crash of the machine
//   file->Close();                  // at the end
//
// Open() reads the states that an earlier life left, and begins a new file that
// takes the old one's name once it is complete: the file is one of the two at
// every instant. The bytes are those of limiter_image.h (docs/formats.md).
//
// Thread safety: the registry as LimiterRegistry; else thread-compatible.
//
// Limits: on a file system that copies on write (btrfs, ZFS) the room that is
// allocated does not bind later writes. A call that meets a page that is being
// written waits for the disk if the file system needs stable pages.
#ifndef KONPRO_SERVE_LIMITS_FILE_H_
#define KONPRO_SERVE_LIMITS_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/limits/limiter_registry.h"

namespace konpro {

class LimitsFile {
 public:
  struct Options {
    size_t capacity = 0;  // in accounts
    // Those whose states are kept.
    absl::Span<const std::string> accounts;
    // Which start of the machine this is: memory of another one is what was
    // last written to the disk.
    std::string boot_id = CurrentBootId();
  };

  // kDataLoss: the file is damaged, empty, or of another version; it is
  // unchanged. kFailedPrecondition: another process has it open, or it is not a
  // regular file. kResourceExhausted: no room on the disk. kUnavailable: it
  // cannot be read or written. Else as LimiterRegistry::Create().
  static absl::StatusOr<std::unique_ptr<LimitsFile>> Open(
      const std::string& path, const Options& options);

  LimitsFile(const LimitsFile&) = delete;
  LimitsFile& operator=(const LimitsFile&) = delete;
  // What was admitted is in the file; it is not marked as whole.
  ~LimitsFile();

  LimiterRegistry& registry() { return *registry_; }
  // The file was absent, and all windows are fresh.
  bool is_new() const { return is_new_; }

  // Writes what has changed to the disk. kUnavailable: it could not.
  absl::Status Sync();
  // The error of the last write, those between two calls of Sync() too; OK once
  // Sync() has succeeded. It may be called at any time, on any thread.
  absl::Status status() const;
  // The same for the last time, and marks the file as whole, so that whatever
  // changes it is found. REQUIRES: no call of the registry, now or later.
  absl::Status Close();

  // "" if the system has none.
  static std::string CurrentBootId();

 private:
  class Earlier;
  class Mapping;

  LimitsFile(std::string path, std::unique_ptr<Mapping> mapping,
             std::unique_ptr<LimiterRegistry> registry, bool is_new);

  const std::string path_;
  const std::unique_ptr<Mapping> mapping_;
  const std::unique_ptr<LimiterRegistry> registry_;  // in mapping_
  const bool is_new_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_LIMITS_FILE_H_

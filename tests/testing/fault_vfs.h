// A VFS of SQLite whose disk fails: writes that find no room, that fail or are
// cut short, syncs that fail, and a power cut, which loses what was not synced.
// It passes everything else to the default VFS, but for real syncs, which would
// take long and prove nothing here.
//
//   FaultVfs::Arm({.kind = Fault::kSyncFails, .at = 7});
//   SqliteStore::Open(path, {.vfs = FaultVfs::kName});
//
// Thread safety: of one thread.
#ifndef KONPRO_TESTS_TESTING_FAULT_VFS_H_
#define KONPRO_TESTS_TESTING_FAULT_VFS_H_

#include <cstdint>

namespace konpro::testing {

enum class FaultKind : uint8_t {
  kNone,
  kDiskFull,          // a write finds no room
  kWriteFails,        // a write fails, nothing is written
  kShortWrite,        // half of it is written
  kSyncFails,         // what it should have synced may come later
  kSyncFailsAndDrops  // what it should have synced is lost
};

struct Fault {
  FaultKind kind = FaultKind::kNone;
  // The how-manieth operation of that kind, from Arm() on.
  int64_t at = 1;
  // Whether all behind it fail as well.
  bool stays = false;
};

class FaultVfs {
 public:
  static constexpr char kName[] = "fault";

  // Registers the VFS where it is not yet.
  static void Arm(const Fault& fault);
  static void Disarm() { Arm({}); }
  // Whether the fault has struck.
  static bool HasStruck();

  // Takes back every write that was not synced, in all open files. They fail
  // from then on, until they are closed.
  static void CutPower();
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_FAULT_VFS_H_

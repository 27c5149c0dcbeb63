#include "tests/testing/fault_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <set>
#include <string>
#include <vector>

namespace konpro::testing {
namespace {

// What a write or a truncation replaced.
struct Undo {
  sqlite3_int64 offset = 0;
  std::string bytes;
  sqlite3_int64 size = 0;  // of the file
};

struct File {
  sqlite3_file base;
  sqlite3_file* real;
  std::vector<Undo>* unsynced;
  bool is_dead;
};

Fault armed;
int64_t operations = 0;
bool has_struck = false;
std::set<File*>& OpenFiles() {
  static std::set<File*>& files = *new std::set<File*>();
  return files;
}
sqlite3_vfs* Real() {
  static sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
  return real;
}

File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
const sqlite3_io_methods* Methods(File* file) { return file->real->pMethods; }

bool Strikes(std::initializer_list<FaultKind> kinds) {
  if (std::find(kinds.begin(), kinds.end(), armed.kind) == kinds.end()) {
    return false;
  }
  ++operations;
  const bool strikes =
      operations == armed.at || (armed.stays && operations > armed.at);
  has_struck |= strikes;
  return strikes;
}

void Remember(File* file, sqlite3_int64 offset, sqlite3_int64 bytes) {
  Undo undo{.offset = offset};
  Methods(file)->xFileSize(file->real, &undo.size);
  undo.bytes.resize(static_cast<size_t>(
      std::clamp<sqlite3_int64>(undo.size - offset, 0, bytes)));
  if (!undo.bytes.empty()) {
    Methods(file)->xRead(file->real, undo.bytes.data(),
                         static_cast<int>(undo.bytes.size()), offset);
  }
  file->unsynced->push_back(std::move(undo));
}

void TakeBack(File* file) {
  while (!file->unsynced->empty()) {
    const Undo& undo = file->unsynced->back();
    if (!undo.bytes.empty()) {
      Methods(file)->xWrite(file->real, undo.bytes.data(),
                            static_cast<int>(undo.bytes.size()), undo.offset);
    }
    Methods(file)->xTruncate(file->real, undo.size);
    file->unsynced->pop_back();
  }
}

int Close(sqlite3_file* f) {
  File* const file = Of(f);
  OpenFiles().erase(file);
  delete file->unsynced;
  return Methods(file)->xClose(file->real);
}
int Read(sqlite3_file* f, void* out, int bytes, sqlite3_int64 offset) {
  if (Of(f)->is_dead) return SQLITE_IOERR_READ;
  return Methods(Of(f))->xRead(Of(f)->real, out, bytes, offset);
}
int Write(sqlite3_file* f, const void* in, int bytes, sqlite3_int64 offset) {
  File* const file = Of(f);
  if (file->is_dead) return SQLITE_IOERR_WRITE;
  if (Strikes({FaultKind::kDiskFull})) return SQLITE_FULL;
  if (Strikes({FaultKind::kWriteFails})) return SQLITE_IOERR_WRITE;
  Remember(file, offset, bytes);
  if (Strikes({FaultKind::kShortWrite})) {
    Methods(file)->xWrite(file->real, in, bytes / 2, offset);
    return SQLITE_IOERR_WRITE;
  }
  return Methods(file)->xWrite(file->real, in, bytes, offset);
}
int Truncate(sqlite3_file* f, sqlite3_int64 size) {
  File* const file = Of(f);
  if (file->is_dead) return SQLITE_IOERR_TRUNCATE;
  sqlite3_int64 before = 0;
  Methods(file)->xFileSize(file->real, &before);
  if (before > size) Remember(file, size, before - size);
  return Methods(file)->xTruncate(file->real, size);
}
int Sync(sqlite3_file* f, int) {
  File* const file = Of(f);
  if (file->is_dead) return SQLITE_IOERR_FSYNC;
  if (Strikes({FaultKind::kSyncFails, FaultKind::kSyncFailsAndDrops})) {
    if (armed.kind == FaultKind::kSyncFailsAndDrops) TakeBack(file);
    return SQLITE_IOERR_FSYNC;
  }
  file->unsynced->clear();
  return SQLITE_OK;
}
int FileSize(sqlite3_file* f, sqlite3_int64* size) {
  if (Of(f)->is_dead) return SQLITE_IOERR_FSTAT;
  return Methods(Of(f))->xFileSize(Of(f)->real, size);
}
int Lock(sqlite3_file* f, int level) {
  return Methods(Of(f))->xLock(Of(f)->real, level);
}
int Unlock(sqlite3_file* f, int level) {
  return Methods(Of(f))->xUnlock(Of(f)->real, level);
}
int CheckReservedLock(sqlite3_file* f, int* result) {
  return Methods(Of(f))->xCheckReservedLock(Of(f)->real, result);
}
int FileControl(sqlite3_file* f, int operation, void* argument) {
  return Methods(Of(f))->xFileControl(Of(f)->real, operation, argument);
}
int SectorSize(sqlite3_file* f) {
  return Methods(Of(f))->xSectorSize(Of(f)->real);
}
int Characteristics(sqlite3_file* f) {
  return Methods(Of(f))->xDeviceCharacteristics(Of(f)->real);
}

const sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Unlock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = FileControl,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = Characteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int Open(sqlite3_vfs*, const char* name, sqlite3_file* f, int flags,
         int* out_flags) {
  File* const file = Of(f);
  file->real = reinterpret_cast<sqlite3_file*>(file + 1);
  const int code = Real()->xOpen(Real(), name, file->real, flags, out_flags);
  file->base.pMethods = code == SQLITE_OK ? &kMethods : nullptr;
  if (code != SQLITE_OK) return code;
  file->unsynced = new std::vector<Undo>();
  file->is_dead = false;
  OpenFiles().insert(file);
  return SQLITE_OK;
}

void Register() {
  static sqlite3_vfs& vfs = *new sqlite3_vfs(*Real());
  if (vfs.xOpen == Open) return;
  vfs.zName = FaultVfs::kName;
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + Real()->szOsFile;
  vfs.xOpen = Open;
  sqlite3_vfs_register(&vfs, /*makeDflt=*/0);
}

}  // namespace

void FaultVfs::Arm(const Fault& fault) {
  sqlite3_initialize();
  Register();
  armed = fault;
  operations = 0;
  has_struck = false;
}

bool FaultVfs::HasStruck() { return has_struck; }

void FaultVfs::CutPower() {
  for (File* file : OpenFiles()) {
    TakeBack(file);
    file->is_dead = true;
  }
}

}  // namespace konpro::testing

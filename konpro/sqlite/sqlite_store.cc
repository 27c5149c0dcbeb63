#include "konpro/sqlite/sqlite_store.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

// The journal is a table by rowid, so that an append goes to the last page. A
// rowid is a signed integer; the journal's end is far from there.
//
// A failed commit is rolled back on the same connection, which then sees what
// was there before it, whatever the WAL holds after it; the next commit writes
// over that. To open the file anew instead could show a commit that was never
// synced, and would be lost with the machine's power.

namespace konpro {
namespace {

constexpr char kTables[] = R"sql(
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS journal (
  sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
  entry BLOB NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER IF NOT EXISTS journal_is_not_updated
BEFORE UPDATE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TRIGGER IF NOT EXISTS journal_is_not_deleted
BEFORE DELETE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TABLE IF NOT EXISTS journal_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  sequence INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE IF NOT EXISTS snapshots (
  key BLOB PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
COMMIT;
)sql";

void BindBytes(sqlite3_stmt* statement, int place, absl::string_view bytes) {
  // Without a pointer it would be NULL.
  sqlite3_bind_blob64(statement, place, bytes.empty() ? "" : bytes.data(),
                      bytes.size(), SQLITE_STATIC);
}

absl::string_view AsBytes(const JournalHash& hash) {
  return absl::string_view(reinterpret_cast<const char*>(hash.data()),
                           hash.size());
}

absl::string_view Column(sqlite3_stmt* statement, int column) {
  const void* const bytes = sqlite3_column_blob(statement, column);
  const int size = sqlite3_column_bytes(statement, column);
  return absl::string_view(static_cast<const char*>(bytes),
                           static_cast<size_t>(size));
}

bool ReadHash(sqlite3_stmt* statement, int column, JournalHash& hash) {
  const absl::string_view bytes = Column(statement, column);
  if (bytes.size() != hash.size()) return false;
  std::memcpy(hash.data(), bytes.data(), hash.size());
  return true;
}

int64_t AsRowid(uint64_t sequence) {
  return static_cast<int64_t>(
      std::min<uint64_t>(sequence, std::numeric_limits<int64_t>::max()));
}

// Resets a statement that returns rows, however its scope ends.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
  ~Rows() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

 private:
  sqlite3_stmt* const statement_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(
    const std::string& path, const SqliteOptions& options) {
  absl::StatusOr<std::unique_ptr<internal::SqliteDatabase>> database =
      internal::SqliteDatabase::Open(path, options);
  if (!database.ok()) return database.status();
  return Create(*std::move(database));
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Create(
    std::shared_ptr<internal::SqliteDatabase> database) {
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(database)));
  const absl::Status status = store->PrepareAll();
  if (!status.ok()) return status;
  return store;
}

absl::Status SqliteStore::PrepareAll() {
  const MutexLock lock(database_->mu());
  absl::Status status = database_->Execute(kTables);
  if (!status.ok()) {
    // If it was that statement that failed, there is nothing to roll back.
    database_->Execute("ROLLBACK").IgnoreError();
    return status;
  }
  const std::pair<absl::string_view, Statement*> statements[] = {
      {"BEGIN IMMEDIATE", &begin_},
      {"COMMIT", &commit_},
      {"ROLLBACK", &rollback_},
      {"SELECT sequence, hash FROM journal_head", &read_head_},
      {"INSERT OR REPLACE INTO journal_head (one, sequence, hash) "
       "VALUES (1, ?1, ?2)",
       &move_head_},
      {"INSERT INTO journal (sequence, entry, hash) VALUES (?1, ?2, ?3)",
       &append_},
      {"SELECT sequence, entry, hash FROM journal "
       "WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence",
       &read_},
      {"INSERT OR REPLACE INTO snapshots (key, value) VALUES (?1, ?2)",
       &put_snapshot_},
      {"DELETE FROM snapshots WHERE key = ?1", &delete_snapshot_},
      {"SELECT key, value FROM snapshots ORDER BY key", &read_snapshots_},
      {"DELETE FROM snapshots", &drop_snapshots_},
  };
  for (const auto& [sql, statement] : statements) {
    absl::StatusOr<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status SqliteStore::Transact(absl::FunctionRef<absl::Status()> write) {
  const MutexLock lock(database_->mu());
  absl::Status status = database_->Run(begin_.get());
  if (!status.ok()) return status;
  status = write();
  if (status.ok()) status = database_->Run(commit_.get());
  // Some errors have rolled back already, and then this one is of no interest.
  if (!status.ok()) database_->Run(rollback_.get()).IgnoreError();
  return status;
}

absl::StatusOr<JournalHead> SqliteStore::ReadHead() {
  const MutexLock lock(database_->mu());
  return Head();
}

absl::StatusOr<JournalHead> SqliteStore::Head() {
  const Rows rows(read_head_.get());
  JournalHead head;
  const int code = sqlite3_step(read_head_.get());
  if (code == SQLITE_DONE) return head;
  if (code != SQLITE_ROW) return database_->Error();
  head.sequence =
      static_cast<uint64_t>(sqlite3_column_int64(read_head_.get(), 0));
  if (ReadHash(read_head_.get(), 1, head.hash)) return head;
  return absl::DataLossError(
      absl::StrCat(name(), ": the head of the journal has no hash"));
}

absl::Status SqliteStore::Append(const JournalHead& head,
                                 absl::Span<const StoredEntry> entries) {
  return Transact(
      [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu()) -> absl::Status {
        const absl::StatusOr<JournalHead> kept = Head();
        if (!kept.ok()) return kept.status();
        if (!(*kept == head)) {
          return absl::AbortedError(
              absl::StrCat(name(), ": the journal has ", kept->sequence,
                           " entries, not ", head.sequence));
        }
        return WriteEntries(entries);
      });
}

absl::Status SqliteStore::WriteEntries(absl::Span<const StoredEntry> entries) {
  sqlite3_stmt* const append = append_.get();
  for (const StoredEntry& entry : entries) {
    sqlite3_bind_int64(append, 1, AsRowid(entry.sequence));
    BindBytes(append, 2, entry.bytes);
    BindBytes(append, 3, AsBytes(entry.hash));
    const absl::Status status = database_->Run(append);
    if (!status.ok()) return status;
  }
  sqlite3_bind_int64(move_head_.get(), 1, AsRowid(entries.back().sequence));
  BindBytes(move_head_.get(), 2, AsBytes(entries.back().hash));
  return database_->Run(move_head_.get());
}

absl::Status SqliteStore::Read(uint64_t first, uint64_t last,
                               EntryVisitor visit) {
  const MutexLock lock(database_->mu());
  sqlite3_stmt* const read = read_.get();
  const Rows rows(read);
  sqlite3_bind_int64(read, 1, AsRowid(first));
  sqlite3_bind_int64(read, 2, AsRowid(last));
  int code;
  while ((code = sqlite3_step(read)) == SQLITE_ROW) {
    StoredEntry entry{
        .sequence = static_cast<uint64_t>(sqlite3_column_int64(read, 0)),
        .bytes = Column(read, 1)};
    if (!ReadHash(read, 2, entry.hash)) {
      return absl::DataLossError(
          absl::StrCat(name(), ": entry ", entry.sequence, " has no hash"));
    }
    const absl::Status status = visit(entry);
    if (!status.ok()) return status;
  }
  return code == SQLITE_DONE ? absl::OkStatus() : database_->Error();
}

absl::Status SqliteStore::WriteSnapshots(
    absl::Span<const SnapshotChange> changes) {
  return Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu()) {
    for (const SnapshotChange& change : changes) {
      const absl::Status status = WriteSnapshot(change);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status SqliteStore::WriteSnapshot(const SnapshotChange& change) {
  sqlite3_stmt* const write =
      change.value.has_value() ? put_snapshot_.get() : delete_snapshot_.get();
  BindBytes(write, 1, change.key);
  if (change.value.has_value()) BindBytes(write, 2, *change.value);
  return database_->Run(write);
}

absl::Status SqliteStore::ReadSnapshots(SnapshotVisitor visit) {
  const MutexLock lock(database_->mu());
  sqlite3_stmt* const read = read_snapshots_.get();
  const Rows rows(read);
  int code;
  while ((code = sqlite3_step(read)) == SQLITE_ROW) {
    const absl::Status status = visit(Column(read, 0), Column(read, 1));
    if (!status.ok()) return status;
  }
  return code == SQLITE_DONE ? absl::OkStatus() : database_->Error();
}

absl::Status SqliteStore::DropSnapshots() {
  return Transact([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(database_->mu()) {
    return database_->Run(drop_snapshots_.get());
  });
}

}  // namespace konpro

#include "konpro/sqlite/internal/sqlite_key_store.h"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace konpro::internal {
namespace {

// The rowid keeps the order in which keys were made. STRICT makes the file
// refuse what this code would not write.
constexpr char kTable[] = R"sql(
CREATE TABLE IF NOT EXISTS api_keys (
  number INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  account_id TEXT NOT NULL,
  last_four TEXT NOT NULL,
  scope INTEGER NOT NULL CHECK (scope BETWEEN 1 AND 3),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  created_at_ms INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL,
  ends_at_ms INTEGER,
  last_used_at_ms INTEGER
) STRICT
)sql";

constexpr absl::string_view kPut = R"sql(
INSERT INTO api_keys (digest, account_id, last_four, scope, state,
                      created_at_ms, changed_at_ms, ends_at_ms,
                      last_used_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (digest) DO UPDATE SET
  state = excluded.state, changed_at_ms = excluded.changed_at_ms,
  ends_at_ms = excluded.ends_at_ms, last_used_at_ms = excluded.last_used_at_ms
)sql";

constexpr absl::string_view kLoad = R"sql(
SELECT digest, account_id, last_four, scope, state, created_at_ms,
       changed_at_ms, ends_at_ms, last_used_at_ms
FROM api_keys ORDER BY number
)sql";

void BindText(sqlite3_stmt* statement, int place, absl::string_view text) {
  sqlite3_bind_text(statement, place, text.data(),
                    static_cast<int>(text.size()), SQLITE_STATIC);
}

// NULL is for a time that never comes, or never was.
void BindTime(sqlite3_stmt* statement, int place, absl::Time time) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    sqlite3_bind_null(statement, place);
  } else {
    sqlite3_bind_int64(statement, place, absl::ToUnixMillis(time));
  }
}

std::string Bytes(sqlite3_stmt* statement, int column) {
  const void* const bytes = sqlite3_column_blob(statement, column);
  const int size = sqlite3_column_bytes(statement, column);
  return std::string(static_cast<const char*>(bytes),
                     static_cast<size_t>(size));
}

absl::Time TimeOr(sqlite3_stmt* statement, int column, absl::Time otherwise) {
  if (sqlite3_column_type(statement, column) == SQLITE_NULL) return otherwise;
  return absl::FromUnixMillis(sqlite3_column_int64(statement, column));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteKeyStore>> SqliteKeyStore::Create(
    std::shared_ptr<SqliteDatabase> database) {
  std::unique_ptr<SqliteKeyStore> store(
      new SqliteKeyStore(std::move(database)));
  const absl::Status status = store->PrepareAll();
  if (!status.ok()) return status;
  return store;
}

absl::Status SqliteKeyStore::PrepareAll() {
  const MutexLock lock(database_->mu());
  absl::Status status = database_->Execute(kTable);
  if (!status.ok()) return status;
  const std::pair<absl::string_view, Statement*> statements[] = {
      {"BEGIN IMMEDIATE", &begin_},
      {"COMMIT", &commit_},
      {"ROLLBACK", &rollback_},
      {kPut, &put_},
      {kLoad, &load_},
  };
  for (const auto& [sql, statement] : statements) {
    absl::StatusOr<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> SqliteKeyStore::Count() {
  const MutexLock lock(database_->mu());
  const absl::StatusOr<Statement> count =
      database_->Prepare("SELECT count(*) FROM api_keys");
  if (!count.ok()) return count.status();
  if (sqlite3_step(count->get()) != SQLITE_ROW) return database_->Error();
  return static_cast<size_t>(sqlite3_column_int64(count->get(), 0));
}

absl::Status SqliteKeyStore::Put(absl::Span<const ApiKeyRecord> records) {
  const MutexLock lock(database_->mu());
  absl::Status status = database_->Run(begin_.get());
  if (!status.ok()) return status;
  for (const ApiKeyRecord& record : records) {
    status = PutOne(record);
    if (!status.ok()) break;
  }
  if (status.ok()) status = database_->Run(commit_.get());
  // Some errors have rolled back already, and then this one is of no interest.
  if (!status.ok()) database_->Run(rollback_.get()).IgnoreError();
  return status;
}

absl::Status SqliteKeyStore::LoadAll(
    absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) {
  const MutexLock lock(database_->mu());
  absl::Status status;
  int code;
  while ((code = sqlite3_step(load_.get())) == SQLITE_ROW) {
    absl::StatusOr<ApiKeyRecord> record = Row();
    status = record.ok() ? load(*std::move(record)) : record.status();
    if (!status.ok()) break;
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE) status = database_->Error();
  sqlite3_reset(load_.get());
  return status;
}

absl::Status SqliteKeyStore::PutOne(const ApiKeyRecord& record) {
  sqlite3_stmt* const put = put_.get();
  const absl::string_view digest = record.digest.bytes();
  sqlite3_bind_blob(put, 1, digest.data(), static_cast<int>(digest.size()),
                    SQLITE_STATIC);
  BindText(put, 2, record.account_id);
  BindText(put, 3, record.last_four);
  sqlite3_bind_int(put, 4, static_cast<int>(record.scope));
  sqlite3_bind_int(put, 5, static_cast<int>(record.state));
  BindTime(put, 6, record.created_at);
  BindTime(put, 7, record.changed_at);
  BindTime(put, 8, record.ends_at);
  BindTime(put, 9, record.last_used_at);
  absl::Status status = database_->Run(put);
  sqlite3_clear_bindings(put);
  return status;
}

absl::StatusOr<ApiKeyRecord> SqliteKeyStore::Row() const {
  sqlite3_stmt* const row = load_.get();
  absl::StatusOr<ApiKeyDigest> digest = ApiKeyDigest::FromBytes(Bytes(row, 0));
  if (!digest.ok()) return absl::DataLossError(digest.status().message());
  // A number that is no scope or state is the directory's to refuse.
  const int scope = std::clamp(sqlite3_column_int(row, 3), 0, 255);
  const int state = std::clamp(sqlite3_column_int(row, 4), 0, 255);
  return ApiKeyRecord{
      .digest = *digest,
      .account_id = Bytes(row, 1),
      .last_four = Bytes(row, 2),
      .scope = static_cast<ApiKeyScope>(scope),
      .state = static_cast<ApiKeyState>(state),
      .created_at = TimeOr(row, 5, absl::InfinitePast()),
      .changed_at = TimeOr(row, 6, absl::InfinitePast()),
      .ends_at = TimeOr(row, 7, absl::InfiniteFuture()),
      .last_used_at = TimeOr(row, 8, absl::InfinitePast()),
  };
}

}  // namespace konpro::internal

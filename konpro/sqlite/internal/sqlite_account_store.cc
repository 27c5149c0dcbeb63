#include "konpro/sqlite/internal/sqlite_account_store.h"

#include <sqlite3.h>

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/limits/rate_window.h"

namespace konpro::internal {
namespace {

// The number keeps the order in which accounts were made. STRICT makes the file
// refuse what this code would not write.
constexpr char kTable[] = R"sql(
CREATE TABLE IF NOT EXISTS accounts (
  number INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL UNIQUE,
  plan TEXT NOT NULL,
  windows TEXT NOT NULL,
  is_suspended INTEGER NOT NULL CHECK (is_suspended IN (0, 1)),
  created_at_ms INTEGER NOT NULL,
  changed_at_ms INTEGER NOT NULL
) STRICT
)sql";

constexpr absl::string_view kPut = R"sql(
INSERT INTO accounts (account_id, plan, windows, is_suspended, created_at_ms,
                      changed_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (account_id) DO UPDATE SET
  plan = excluded.plan, windows = excluded.windows,
  is_suspended = excluded.is_suspended, changed_at_ms = excluded.changed_at_ms
)sql";

constexpr absl::string_view kLoad = R"sql(
SELECT account_id, plan, windows, is_suspended, created_at_ms, changed_at_ms
FROM accounts ORDER BY number
)sql";

void BindText(sqlite3_stmt* statement, int place, absl::string_view text) {
  sqlite3_bind_text(statement, place, text.data(),
                    static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

std::string Text(sqlite3_stmt* statement, int column) {
  const void* const bytes = sqlite3_column_blob(statement, column);
  const int size = sqlite3_column_bytes(statement, column);
  return std::string(static_cast<const char*>(bytes),
                     static_cast<size_t>(size));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteAccountStore>> SqliteAccountStore::Create(
    std::shared_ptr<SqliteDatabase> database) {
  std::unique_ptr<SqliteAccountStore> store(
      new SqliteAccountStore(std::move(database)));
  const absl::Status status = store->PrepareAll();
  if (!status.ok()) return status;
  return store;
}

absl::Status SqliteAccountStore::PrepareAll() {
  const MutexLock lock(database_->mu());
  absl::Status status = database_->Execute(kTable);
  if (!status.ok()) return status;
  absl::StatusOr<Statement> put = database_->Prepare(kPut);
  if (!put.ok()) return put.status();
  absl::StatusOr<Statement> load = database_->Prepare(kLoad);
  if (!load.ok()) return load.status();
  put_ = *std::move(put);
  load_ = *std::move(load);
  return absl::OkStatus();
}

// One statement is a transaction of its own.
absl::Status SqliteAccountStore::Put(const AccountRecord& record) {
  const MutexLock lock(database_->mu());
  sqlite3_stmt* const put = put_.get();
  BindText(put, 1, record.account_id);
  BindText(put, 2, record.plan);
  BindText(put, 3, FormatWindows(record.windows));
  sqlite3_bind_int(put, 4, record.is_suspended ? 1 : 0);
  sqlite3_bind_int64(put, 5, absl::ToUnixMillis(record.created_at));
  sqlite3_bind_int64(put, 6, absl::ToUnixMillis(record.changed_at));
  absl::Status status = database_->Run(put);
  sqlite3_clear_bindings(put);
  return status;
}

absl::Status SqliteAccountStore::LoadAll(
    absl::FunctionRef<absl::Status(AccountRecord record)> load) {
  const MutexLock lock(database_->mu());
  absl::Status status;
  int code;
  while ((code = sqlite3_step(load_.get())) == SQLITE_ROW) {
    absl::StatusOr<AccountRecord> record = Row();
    status = record.ok() ? load(*std::move(record)) : record.status();
    if (!status.ok()) break;
  }
  if (code != SQLITE_ROW && code != SQLITE_DONE) status = database_->Error();
  sqlite3_reset(load_.get());
  return status;
}

absl::StatusOr<AccountRecord> SqliteAccountStore::Row() const {
  sqlite3_stmt* const row = load_.get();
  AccountRecord record = {
      .account_id = Text(row, 0),
      .plan = Text(row, 1),
      .is_suspended = sqlite3_column_int(row, 3) != 0,
      .created_at = absl::FromUnixMillis(sqlite3_column_int64(row, 4)),
      .changed_at = absl::FromUnixMillis(sqlite3_column_int64(row, 5)),
  };
  absl::StatusOr<std::vector<RateWindow>> windows = ParseWindows(Text(row, 2));
  if (!windows.ok()) {
    return absl::DataLossError(absl::StrCat("account ", record.account_id, ": ",
                                            windows.status().message()));
  }
  record.windows = *std::move(windows);
  return record;
}

}  // namespace konpro::internal

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/mutex.h"
#include "konpro/ledger/internal/journal_chunk.h"
#include "konpro/ledger/internal/ledger_book.h"
#include "konpro/ledger/ledger.h"

// Verifying: the journal is replayed from the start into a book of its own. The
// ledger's lock is held for some thousand entries at a time, so that other
// calls go on.

namespace konpro {
namespace {

using internal::JournalChunk;
using internal::LedgerBook;

// The invariants of account.h, from the views of an account.
bool IsBalanced(const Account& account) {
  Credits reserved;
  Credits held;
  for (const GrantView& grant : account.Grants()) {
    Credits sum;
    for (Credits place : {grant.balance.available, grant.balance.pending,
                          grant.balance.reserved, grant.balance.posted,
                          grant.balance.expired, grant.balance.voided}) {
      if (place < Credits()) return false;
      sum = CheckedAdd(sum, place).value_or(Credits::Min());
    }
    if (sum != grant.issued) return false;
    reserved =
        CheckedAdd(reserved, grant.balance.reserved).value_or(Credits::Min());
  }
  for (const ReservationView& open : account.Reservations()) {
    held = CheckedAdd(held, open.held).value_or(Credits::Max());
  }
  return held == reserved;
}

}  // namespace

absl::StatusOr<VerifyReport> Ledger::Verify(
    absl::FunctionRef<void(uint64_t)> progress) {
  std::optional<LedgerBook> replayed;
  VerifyReport report;
  {
    const MutexLock lock(book_mu_);
    const absl::Status status = Ready();
    if (!status.ok()) return status;
    replayed.emplace(*store_, book_->windows());
    replayed->HashAs(*book_);
    report.head = book_->head();
  }
  while (report.entries < report.head.sequence) {
    {
      const MutexLock lock(book_mu_);
      const absl::Status status = VerifySome(*replayed, report);
      if (!status.ok()) return status;
    }
    progress(report.entries);
  }
  const MutexLock lock(book_mu_);
  const absl::Status status = VerifyEnd(*replayed, report);
  if (!status.ok()) return status;
  report.accounts = replayed->accounts();
  return report;
}

// Ends at the snapshot if there is one ahead: it can be compared only there.
absl::Status Ledger::VerifySome(LedgerBook& replayed, VerifyReport& report) {
  const absl::StatusOr<uint64_t> snapshot = replayed.SnapshotInStore();
  if (!snapshot.ok()) return snapshot.status();
  const uint64_t first = report.entries + 1;
  const uint64_t last = *snapshot >= first
                            ? std::min(*snapshot, report.head.sequence)
                            : report.head.sequence;
  JournalChunk chunk;
  absl::Status status = chunk.Read(*store_, first, last, replayed.head().hash);
  if (status.ok() && chunk.size() == 0) {
    status = absl::DataLossError(
        absl::StrCat(store_name_, ": entry ", first, ": is missing"));
  }
  for (size_t i = 0; status.ok() && i < chunk.size(); ++i) {
    status = replayed.Replay(chunk.bytes(i), chunk.hash(i));
    if (!replayed.replayed().effect.applied()) ++report.denied;
  }
  if (!status.ok()) return status;
  report.entries += chunk.size();
  if (report.entries != *snapshot) return absl::OkStatus();
  const absl::StatusOr<uint64_t> compared = replayed.CompareSnapshot();
  if (!compared.ok()) return compared.status();
  report.snapshots = *compared;
  return absl::OkStatus();
}

absl::Status Ledger::VerifyEnd(LedgerBook& replayed,
                               const VerifyReport& report) {
  absl::Status status;
  const auto fail = [&](absl::string_view account, absl::string_view what) {
    status = absl::DataLossError(absl::StrCat(store_name_, ": account ",
                                              internal::Quoted(account), what));
  };
  if (!(replayed.head() == report.head)) {
    return absl::DataLossError(
        absl::StrCat(store_name_, ": the journal does not end with its head"));
  }
  // What is in memory may be ahead of what was replayed.
  LedgerBook& book = *book_;
  const bool is_current = book.head() == report.head;
  replayed.ForEachAccountId([&](absl::string_view id) {
    const absl::StatusOr<Account*> account = replayed.FindAccount(id);
    if (!account.ok() || !IsBalanced(**account)) {
      return fail(id, " breaks an invariant");
    }
    if (!is_current) return;
    const absl::StatusOr<Account*> kept = book.FindAccount(id);
    if (!kept.ok() || *kept == nullptr) return fail(id, " cannot be read");
    (*account)->Advance((*kept)->now());
    if (!(**account == **kept)) fail(id, " differs from its journal");
  });
  return status;
}

}  // namespace konpro

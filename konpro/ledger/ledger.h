// A Ledger applies commands to accounts through a Store: each once, in one
// order, durably. The rules of credits are in account.h, commands in
// ledger_command.h with the entries that record them.
//
//   auto store = SqliteStore::Open("credits.db", {});
//   auto ledger = Ledger::Open(*std::move(store), {});
//   const LedgerCommand welcome = {
//       .account = "acme", .id = "welcome", .at = now,
//       .request = GrantCommand{.amount = nine}};
//   const LedgerCommand job = {
//       .account = "acme", .id = "job-7", .at = now,
//       .request = SpendCommand{.amount = ten}};
//   (*ledger)->Apply(welcome)->sequence           // 1
//   (*ledger)->Apply(job)->effect.applied()       // false: denied
//   (*ledger)->Apply(job)->replayed               // true: denied as before
//   (*ledger)->BalanceOf("acme", now)->available  // 9 credits
//   FindCommand(**ledger, "", "job-7")->account   // "acme"
//
// Idempotency comes first: retrying with the same id and content returns the
// first result, also a denial, and has no further effect. Ids are remembered
// for the duplicate window; events older than the acceptance window are
// refused.
//
// Calls from many threads share a commit: one of them applies the queued calls
// and appends them to the store at once. No result is returned, and no balance
// is read, before that is durable. If it fails, all of them get kUnavailable,
// and the ledger loads its state again before the next command. Retrying with
// the same id is safe.
//
// Thread safety: thread-safe.
//
// Invariants: (1) the journal alone determines every account; snapshots only
// make opening faster. (2) Commands of one account take effect in the order of
// their sequences, each between its call and its return. (3) The ledger's time
// never goes back. (4) Denied commands are journaled, malformed ones are not.
//
// Limits: 2^48 commands; see ledger_command.h, account_command.h and below.
#ifndef KONPRO_LEDGER_LEDGER_H_
#define KONPRO_LEDGER_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/credits.h"
#include "konpro/base/mutex.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/ledger_command.h"
#include "konpro/ledger/store.h"

namespace konpro {

namespace internal {
class LedgerBatch;
class LedgerBook;
}  // namespace internal

struct LedgerOptions {
  // The greatest age of an event; less if that is above the duplicate window
  // less the clock tolerance. At most the duplicate window.
  absl::Duration acceptance_window = absl::Hours(24 * 35);
  // How long an id is remembered; 16 to 51 bytes of memory each. If it is
  // longer than before, the journal is read from the start, and opening fails
  // with kDataLoss if an id was used again that would be remembered now.
  absl::Duration duplicate_window = absl::Hours(24 * 35);
  // How far an event may be ahead of the ledger's time, and a command's time of
  // the clock of the process that takes it (clock_tolerance.h).
  absl::Duration clock_tolerance = kClockTolerance;
  // Commands name its operations, or are kInvalidArgument; null: any.
  const Catalog* catalog = nullptr;
  // Entries between two snapshots: the most that opening replays after a crash.
  uint64_t snapshot_every = uint64_t{1} << 18;
};

// An entry with the bytes that it refers to.
class OwnedEntry {
 public:
  // kDataLoss: `bytes` are not an entry.
  static absl::StatusOr<OwnedEntry> Create(absl::string_view bytes);

  const JournalEntry& operator*() const { return *entry_; }
  const JournalEntry* operator->() const { return entry_.get(); }
  absl::string_view bytes() const { return *bytes_; }

 private:
  std::unique_ptr<const std::string> bytes_;
  std::unique_ptr<const JournalEntry> entry_;
};

// An entry, and how its amounts were computed.
struct Explanation {
  struct Part {
    uint64_t grant = 0;    // its number in the account
    std::string grant_id;  // "": the account no longer keeps it
    Credits amount;
  };
  OwnedEntry entry;
  // What was held, posted or refunded, by grant.
  std::vector<Part> parts;
  // If the amount was priced: the quantity that was charged, and what was
  // rounded away, in 1/per ticks: exact cost = amount + rest / per.
  std::optional<int64_t> billed_quantity;
  int64_t rounding_rest = 0;
};

struct VerifyReport {
  uint64_t entries = 0;
  uint64_t denied = 0;
  uint64_t accounts = 0;
  uint64_t snapshots = 0;  // accounts in the snapshot that was compared
  JournalHead head;
};

class Ledger {
 public:
  // kInvalidArgument: an acceptance window that is negative or above the
  // duplicate window. kDataLoss: a damaged entry among those that are read;
  // Verify() reads all of them. A missing or damaged snapshot is replaced from
  // the journal. Otherwise errors of the store.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(
      std::unique_ptr<Store> store, const LedgerOptions& options);

  // Close(), ignoring its error.
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The outcome, applied or denied (AccountEffect::refusal), once it is
  // durable. kInvalidArgument: ValidateCommand(), or an event too far ahead.
  // kAlreadyExists: the id was used for another content; names the field.
  // kOutOfRange: the event is too old. kNotFound: no command to refund.
  // kUnavailable: the store failed; only then something may be journaled.
  absl::StatusOr<LedgerOutcome> Apply(const LedgerCommand& command);

  // Each in order, and independently of the others. `outcomes` is overwritten;
  // reused, it saves allocations.
  void ApplyBatch(absl::Span<const LedgerCommand> commands,
                  std::vector<absl::StatusOr<LedgerOutcome>>& outcomes);

  const LedgerOptions& options() const { return options_; }
  // For the calls that begin later, at once. As Admission::SetCatalog().
  void SetCatalog(const Catalog& catalog);

  // The latest time of all commands.
  UnixNanos Now() const;
  absl::StatusOr<JournalHead> Head();
  absl::StatusOr<std::vector<std::string>> AccountIds();  // ordered

  // As of `at`, or of the account's own time if that is later.
  // kNotFound: the journal has no command of that account.
  absl::StatusOr<Balance> BalanceOf(absl::string_view account, UnixNanos at);
  absl::StatusOr<Account> AccountAt(absl::string_view account, UnixNanos at);
  // As of entry `sequence`, at the time of the account's last entry up to it.
  absl::StatusOr<Account> AccountAtSequence(absl::string_view account,
                                            uint64_t sequence);

  // The sequence of a command whose id is remembered; 0: there is none.
  absl::StatusOr<uint64_t> FindCommand(absl::string_view account,
                                       absl::string_view id);
  struct CommandPlace {
    std::string account;
    uint64_t sequence = 0;
  };
  // In every account that remembers the id, else in the whole journal: slow.
  absl::StatusOr<std::vector<CommandPlace>> FindCommand(absl::string_view id);

  // kNotFound: there is no such entry. kDataLoss: it is damaged.
  absl::StatusOr<OwnedEntry> ReadEntry(uint64_t sequence);
  absl::StatusOr<Explanation> Explain(uint64_t sequence);

  using EntryVisitor = absl::FunctionRef<absl::Status(const JournalEntry&,
                                                      absl::string_view bytes)>;
  // The entries of an account, in order, at the cost of a look-up each.
  absl::Status History(absl::string_view account, EntryVisitor visit);
  // The entries of all accounts with first <= sequence <= last. Their chain is
  // checked. `visit` must not call this ledger.
  absl::Status ForEachEntry(uint64_t first, uint64_t last, EntryVisitor visit);

  // Replays the journal from the start, and checks that every entry is chained,
  // in order, there once and did what it says, and that the snapshot equals the
  // result. `progress` receives the number of entries that are done, every few
  // thousand; it may use the ledger. kDataLoss names the first wrong entry.
  absl::StatusOr<VerifyReport> Verify(
      absl::FunctionRef<void(uint64_t)> progress);

  // Makes opening fast, as is done every LedgerOptions::snapshot_every entries.
  absl::Status Snapshot();
  // Writes a snapshot if opening would take long without it. Idempotent.
  absl::Status Close();

 private:
  friend class internal::LedgerBatch;
  struct Call;

  Ledger(std::unique_ptr<Store> store, const LedgerOptions& options);

  // Commits the queued calls, and makes the next in the queue the leader.
  void Lead();
  void Queue(Call& call);
  void Commit(absl::Span<Call* const> calls);
  // Precedes every use of the book: loads it again after a failure.
  absl::Status Ready() ABSL_EXCLUSIVE_LOCKS_REQUIRED(book_mu_);
  void ApplyCall(Call& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(book_mu_);
  absl::StatusOr<OwnedEntry> ReadLocked(uint64_t sequence)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(book_mu_);
  absl::Status VerifySome(internal::LedgerBook& replayed, VerifyReport& report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(book_mu_);
  absl::Status VerifyEnd(internal::LedgerBook& replayed,
                         const VerifyReport& report)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(book_mu_);

  const LedgerOptions options_;
  std::atomic<const Catalog*> catalog_;  // in place of that of options_
  const std::string store_name_;
  // Atomic: the book's time, for which nobody waits for a commit.
  std::atomic<int64_t> now_nanos_ = 0;

  // One of the calls in the queue, or that left it last, leads.
  Mutex queue_mu_;
  std::deque<Call*> queue_ ABSL_GUARDED_BY(queue_mu_);
  bool is_led_ ABSL_GUARDED_BY(queue_mu_) = false;

  Mutex book_mu_;
  const std::unique_ptr<Store> store_ ABSL_PT_GUARDED_BY(book_mu_);
  const std::unique_ptr<internal::LedgerBook> book_
      ABSL_PT_GUARDED_BY(book_mu_);
  // Why the book must be loaded before it is used again; else OK.
  absl::Status failure_ ABSL_GUARDED_BY(book_mu_);
};

// The latest command with that id, of `account`, or if that is "" of the one
// account that has it. kNotFound: none. kInvalidArgument: several have it.
absl::StatusOr<Ledger::CommandPlace> FindCommand(Ledger& ledger,
                                                 absl::string_view account,
                                                 absl::string_view id);

}  // namespace konpro

#endif  // KONPRO_LEDGER_LEDGER_H_

#include "konpro/ledger/ledger.h"

#include <algorithm>
#include <cstddef>
#include <semaphore>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/ledger/internal/ledger_batch.h"
#include "konpro/ledger/internal/ledger_book.h"

// Group commit. A caller queues up; the first in the queue leads: it takes what
// is queued, commits it, makes the next in the queue the leader, and answers
// those whose commands it took. While it waits for the disk the queue grows,
// and the slower the disk the larger the next batch. The book stays locked
// until the commit is durable, so that nobody reads what may still fail.
//
// Reading is in ledger_query.cc, verifying in ledger_verify.cc.

namespace konpro {
namespace {

using internal::LedgerBook;

// Commands of one commit. A batch of one caller may be larger.
constexpr size_t kCommitCommandsMax = size_t{1} << 14;
// Commands whose ids are looked for before it is their turn: a distance of
// about one access to memory that nothing has cached.
constexpr size_t kPrepareAhead = 4;
// A replay of fewer entries takes a few milliseconds.
constexpr uint64_t kSnapshotAtCloseMin = 2048;

constexpr absl::Duration kWindowMax = absl::Hours(24 * 366 * 100);

absl::Status CheckOptions(const LedgerOptions& options) {
  if (options.duplicate_window > kWindowMax) {
    return absl::InvalidArgumentError("duplicate_window: above 100 years");
  }
  if (options.acceptance_window < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("acceptance_window: negative");
  }
  if (options.clock_tolerance < absl::ZeroDuration() ||
      options.clock_tolerance > kClockToleranceMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "clock_tolerance: ", absl::FormatDuration(options.clock_tolerance),
        " is not 0 to ", absl::FormatDuration(kClockToleranceMax)));
  }
  if (options.acceptance_window > options.duplicate_window) {
    return absl::InvalidArgumentError(absl::StrCat(
        "duplicate_window: ", absl::FormatDuration(options.duplicate_window),
        " is below the acceptance window of ",
        absl::FormatDuration(options.acceptance_window),
        ": commands could be applied twice"));
  }
  return absl::OkStatus();
}

// An event that was ahead when it came is accepted for as long after its id is
// forgotten, and would be applied again.
absl::Duration AcceptanceOf(const LedgerOptions& options) {
  return std::min(options.acceptance_window,
                  std::max(absl::ZeroDuration(),
                           options.duplicate_window - options.clock_tolerance));
}

void ApplyTo(LedgerBook& book, absl::Span<const LedgerCommand> commands,
             absl::Span<absl::StatusOr<LedgerOutcome>> outcomes) {
  uint64_t hashes[kPrepareAhead];
  for (size_t i = 0; i < commands.size() + kPrepareAhead; ++i) {
    uint64_t& hash = hashes[i % kPrepareAhead];
    if (i >= kPrepareAhead) {
      const size_t due = i - kPrepareAhead;
      book.Apply(commands[due], hash, outcomes[due]);
    }
    if (i < commands.size()) hash = book.Prepare(commands[i]);
  }
}

}  // namespace

// One call of ApplyBatch() or LedgerBatch::Apply(), on the stack of its thread.
struct Ledger::Call {
  absl::Span<const LedgerCommand> commands;
  const internal::LedgerBatch::CommandMaker* make =
      nullptr;  // in place of `commands`
  absl::Span<absl::StatusOr<LedgerOutcome>> outcomes;
  // Released when it is answered, or when it is its turn to lead.
  std::binary_semaphore turn{0};
  bool is_answered = false;
};

Ledger::Ledger(std::unique_ptr<Store> store, const LedgerOptions& options)
    : options_(options),
      catalog_(options.catalog),
      store_name_(store->name()),
      store_(std::move(store)),
      book_(std::make_unique<LedgerBook>(
          *store_, LedgerBook::Windows{.acceptance = AcceptanceOf(options),
                                       .duplicates = options.duplicate_window,
                                       .ahead = options.clock_tolerance,
                                       .catalog = &catalog_})) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(
    std::unique_ptr<Store> store, const LedgerOptions& options) {
  const absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(store), options));
  {
    const MutexLock lock(ledger->book_mu_);
    // With a failure, Close() writes nothing.
    ledger->failure_ = ledger->book_->Load();
    if (!ledger->failure_.ok()) return ledger->failure_;
    ledger->now_nanos_ = ledger->book_->time().nanos();
  }
  return ledger;
}

Ledger::~Ledger() { Close().IgnoreError(); }

void Ledger::SetCatalog(const Catalog& catalog) {
  catalog_.store(&catalog, std::memory_order_release);
}

absl::Status Ledger::Close() {
  const MutexLock lock(book_mu_);
  if (!failure_.ok() || book_->head().sequence - book_->snapshot_sequence() <
                            kSnapshotAtCloseMin) {
    return absl::OkStatus();
  }
  return book_->WriteSnapshot();
}

absl::Status Ledger::Snapshot() {
  const MutexLock lock(book_mu_);
  const absl::Status status = Ready();
  return status.ok() ? book_->WriteSnapshot() : status;
}

absl::StatusOr<LedgerOutcome> Ledger::Apply(const LedgerCommand& command) {
  std::vector<absl::StatusOr<LedgerOutcome>> outcomes;
  ApplyBatch(absl::MakeConstSpan(&command, 1), outcomes);
  return std::move(outcomes.front());
}

void Ledger::ApplyBatch(absl::Span<const LedgerCommand> commands,
                        std::vector<absl::StatusOr<LedgerOutcome>>& outcomes) {
  outcomes.resize(commands.size());
  Call call{.commands = commands, .outcomes = absl::MakeSpan(outcomes)};
  Queue(call);
}

void internal::LedgerBatch::Apply(
    Ledger& ledger, size_t count, CommandMaker make,
    std::vector<absl::StatusOr<LedgerOutcome>>& outcomes) {
  outcomes.resize(count);
  Ledger::Call call{.make = &make, .outcomes = absl::MakeSpan(outcomes)};
  ledger.Queue(call);
}

absl::Status internal::LedgerBatch::ReadSessions(Ledger& ledger) {
  while (true) {
    const MutexLock lock(ledger.book_mu_);
    absl::Status status = ledger.Ready();
    if (!status.ok()) return status;
    if (ledger.book_->HasSessions()) return absl::OkStatus();
    status = ledger.book_->ReadSomeSessions();
    if (!status.ok()) return status;
  }
}

void Ledger::Queue(Call& call) {
  bool must_wait;
  {
    const MutexLock lock(queue_mu_);
    queue_.push_back(&call);
    must_wait = std::exchange(is_led_, true);
  }
  if (must_wait) call.turn.acquire();
  // Whoever leads is the first in the queue, and so among those it answers.
  if (!call.is_answered) Lead();
}

void Ledger::Lead() {
  std::vector<Call*> calls;
  {
    const MutexLock lock(queue_mu_);
    size_t commands = 0;
    while (!queue_.empty() &&
           (calls.empty() ||
            commands + queue_.front()->outcomes.size() <= kCommitCommandsMax)) {
      commands += queue_.front()->outcomes.size();
      calls.push_back(queue_.front());
      queue_.pop_front();
    }
  }
  Commit(calls);
  Call* next = nullptr;
  {
    const MutexLock lock(queue_mu_);
    if (queue_.empty()) {
      is_led_ = false;
    } else {
      next = queue_.front();
    }
  }
  if (next != nullptr) next->turn.release();
  for (Call* call : absl::MakeSpan(calls).subspan(1)) {
    call->is_answered = true;
    // From here on it may be gone.
    call->turn.release();
  }
}

void Ledger::Commit(absl::Span<Call* const> calls) {
  const MutexLock lock(book_mu_);
  absl::Status status = Ready();
  if (status.ok()) {
    for (Call* call : calls) ApplyCall(*call);
    status = book_->Commit();
    if (!status.ok()) failure_ = status;
    // Also that of a commit that failed: Load() keeps it.
    now_nanos_ = book_->time().nanos();
  }
  if (!status.ok()) {
    const absl::Status failed = absl::UnavailableError(absl::StrCat(
        "it is unknown whether the command took effect: ", status.message()));
    for (Call* call : calls) {
      std::fill(call->outcomes.begin(), call->outcomes.end(), failed);
    }
    return;
  }
  if (book_->head().sequence - book_->snapshot_sequence() >=
      options_.snapshot_every) {
    // It only makes opening quick, and is tried again with the next commit.
    book_->WriteSnapshot().IgnoreError();
  }
}

void Ledger::ApplyCall(Call& call) {
  if (call.make == nullptr) {
    return ApplyTo(*book_, call.commands, call.outcomes);
  }
  const internal::BatchLookup lookup(*book_);
  LedgerCommand command;
  for (size_t i = 0; i < call.outcomes.size(); ++i) {
    if ((*call.make)(i, lookup, command, call.outcomes[i])) {
      book_->Apply(command, book_->Prepare(command), call.outcomes[i]);
    }
  }
}

absl::Status Ledger::Ready() {
  if (failure_.ok()) return absl::OkStatus();
  failure_ = book_->Load();
  return failure_;
}

}  // namespace konpro

#include "konpro/ledger/ledger.h"

#include <algorithm>
#include <semaphore>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/internal/ledger_book.h"

// Group commit. A caller queues up; the first in the queue leads: it takes what
// is queued, commits it, makes the next in the queue the leader, and answers
// those whose commands it took. While it waits for the disk the queue grows,
// and the slower the disk the larger the next batch. The book stays locked
// until the commit is durable, so that nobody reads what may still fail.

namespace konpro {
namespace {

using internal::Chunk;
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
  if (options.acceptance_window > options.duplicate_window) {
    return absl::InvalidArgumentError(absl::StrCat(
        "duplicate_window: ", absl::FormatDuration(options.duplicate_window),
        " is below the acceptance window of ",
        absl::FormatDuration(options.acceptance_window),
        ": commands would be taken again"));
  }
  return absl::OkStatus();
}

absl::Status UnknownAccount(absl::string_view account) {
  return absl::NotFoundError(absl::StrCat("account ", internal::Quoted(account),
                                          " has no command in the journal"));
}

LedgerBook::Windows WindowsOf(const LedgerOptions& options) {
  return {.acceptance = options.acceptance_window,
          .duplicates = options.duplicate_window};
}

const std::vector<Allocation>& PartsOf(const AccountEffect& effect) {
  if (!effect.held.empty()) return effect.held;
  return effect.posted.empty() ? effect.refunded : effect.posted;
}

Credits AmountOf(const JournalEntry& entry) {
  if (const auto* r = std::get_if<LedgerReserve>(&entry.command.request)) {
    return r->amount;
  }
  if (const auto* s = std::get_if<SpendCommand>(&entry.command.request)) {
    return s->amount;
  }
  return entry.resolution.amount;
}

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

// Both roundings of a slice are at most half a tick, so that the rest is below
// `per`, whatever it is the difference of.
int64_t RoundingRest(const Price& price, const Pricing& pricing,
                     Credits amount) {
  const auto exact = [&](int64_t quantity) {
    return static_cast<__int128>(price.terms().credits.ticks()) *
           price.BilledQuantity(quantity).value_or(0);
  };
  return static_cast<int64_t>(
      exact(pricing.quantity) - exact(pricing.quantity_before) -
      static_cast<__int128>(amount.ticks()) * price.terms().per);
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

absl::StatusOr<OwnedEntry> OwnedEntry::Create(absl::string_view bytes) {
  OwnedEntry owned;
  owned.bytes_ = std::make_unique<const std::string>(bytes);
  absl::StatusOr<JournalEntry> entry = DecodeEntry(*owned.bytes_);
  if (!entry.ok()) return entry.status();
  owned.entry_ = std::make_unique<const JournalEntry>(*std::move(entry));
  return owned;
}

// One call of ApplyBatch() or ApplyEach(), on the stack of its thread.
struct Ledger::Call {
  absl::Span<const LedgerCommand> commands;
  const CommandMaker* make = nullptr;  // in place of `commands`
  absl::Span<absl::StatusOr<LedgerOutcome>> outcomes;
  // Released when it is answered, or when it is its turn to lead.
  std::binary_semaphore turn{0};
  bool is_answered = false;
};

Ledger::Ledger(std::unique_ptr<Store> store, const LedgerOptions& options)
    : options_(options),
      store_(std::move(store)),
      book_(std::make_unique<LedgerBook>(*store_, WindowsOf(options))) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(
    std::unique_ptr<Store> store, const LedgerOptions& options) {
  const absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(store), options));
  // Close() has nothing to write where nothing was loaded.
  ledger->failure_ = ledger->book_->Load();
  if (!ledger->failure_.ok()) return ledger->failure_;
  return ledger;
}

Ledger::~Ledger() { Close().IgnoreError(); }

absl::Status Ledger::Close() {
  const std::lock_guard<std::mutex> lock(book_mu_);
  if (!failure_.ok() || book_->head().sequence - book_->snapshot_sequence() <
                            kSnapshotAtCloseMin) {
    return absl::OkStatus();
  }
  return book_->WriteSnapshot();
}

absl::Status Ledger::Snapshot() {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  return status.ok() ? book_->WriteSnapshot() : status;
}

// Applying.

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

void Ledger::ApplyEach(size_t count, CommandMaker make,
                       std::vector<absl::StatusOr<LedgerOutcome>>& outcomes) {
  outcomes.resize(count);
  Call call{.make = &make, .outcomes = absl::MakeSpan(outcomes)};
  Queue(call);
}

void Ledger::Queue(Call& call) {
  bool must_wait;
  {
    const std::lock_guard<std::mutex> lock(queue_mu_);
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
    const std::lock_guard<std::mutex> lock(queue_mu_);
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
    const std::lock_guard<std::mutex> lock(queue_mu_);
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
  const std::lock_guard<std::mutex> lock(book_mu_);
  absl::Status status = Ready();
  if (status.ok()) {
    for (Call* call : calls) ApplyCall(*call);
    status = book_->Commit();
    if (!status.ok()) failure_ = status;
  }
  if (!status.ok()) {
    const absl::Status failed = absl::UnavailableError(
        absl::StrCat("nothing is known to be done: ", status.message()));
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
  const Lookup lookup(*book_);
  LedgerCommand command;
  for (size_t i = 0; i < call.outcomes.size(); ++i) {
    const absl::Status made = (*call.make)(i, lookup, command);
    if (made.ok()) {
      book_->Apply(command, book_->Prepare(command), call.outcomes[i]);
    } else {
      call.outcomes[i] = made;
    }
  }
}

absl::StatusOr<uint64_t> Ledger::Lookup::FindCommand(
    absl::string_view account, absl::string_view id) const {
  return book_.FindId(account, id);
}

absl::StatusOr<OwnedEntry> Ledger::Lookup::ReadEntry(uint64_t sequence) const {
  std::string bytes;
  const absl::Status status = book_.ReadEntry(sequence, bytes);
  if (!status.ok()) return status;
  return OwnedEntry::Create(bytes);
}

absl::Status Ledger::Ready() {
  if (failure_.ok()) return absl::OkStatus();
  failure_ = book_->Load();
  return failure_;
}

// Reading.

absl::StatusOr<UnixNanos> Ledger::Now() {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  return book_->time();
}

absl::StatusOr<JournalHead> Ledger::Head() {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  return book_->head();
}

absl::StatusOr<std::vector<std::string>> Ledger::AccountIds() {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  std::vector<std::string> ids;
  book_->ForEachAccountId(
      [&](absl::string_view account) { ids.emplace_back(account); });
  std::sort(ids.begin(), ids.end());
  return ids;
}

absl::StatusOr<Account> Ledger::AccountAt(absl::string_view account,
                                          UnixNanos at) {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  const absl::StatusOr<Account*> found = book_->FindAccount(account);
  if (!found.ok()) return found.status();
  if (*found == nullptr) return UnknownAccount(account);
  Account copy = **found;
  copy.Advance(at);
  return copy;
}

absl::StatusOr<Balance> Ledger::BalanceOf(absl::string_view account,
                                          UnixNanos at) {
  const absl::StatusOr<Account> copy = AccountAt(account, at);
  if (!copy.ok()) return copy.status();
  return copy->balance();
}

absl::StatusOr<Account> Ledger::AccountAtSequence(absl::string_view account,
                                                  uint64_t sequence) {
  Account result;
  AccountEffect effect;
  bool is_known = false;
  const absl::Status status = History(
      account,
      [&](const JournalEntry& entry, absl::string_view) -> absl::Status {
        if (entry.place.sequence > sequence) return absl::CancelledError();
        is_known = true;
        ApplyCommand(entry.place, entry.command, entry.resolution, result,
                     effect);
        if (SameEffect(effect, entry.effect)) return absl::OkStatus();
        return absl::DataLossError(
            absl::StrCat(store_->name(), ": entry ", entry.place.sequence,
                         ": does not do what it says that it did"));
      });
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  if (is_known) return result;
  return absl::NotFoundError(absl::StrCat("account ", internal::Quoted(account),
                                          " has no entry up to ", sequence));
}

absl::StatusOr<uint64_t> Ledger::FindCommand(absl::string_view account,
                                             absl::string_view id) {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  return book_->FindId(account, id);
}

absl::StatusOr<std::vector<Ledger::CommandPlace>> Ledger::FindCommand(
    absl::string_view id) {
  std::vector<CommandPlace> places;
  absl::StatusOr<std::vector<std::string>> accounts = AccountIds();
  if (!accounts.ok()) return accounts.status();
  for (std::string& account : *accounts) {
    const absl::StatusOr<uint64_t> sequence = FindCommand(account, id);
    if (!sequence.ok()) return sequence.status();
    if (*sequence == 0) continue;
    places.push_back({.account = std::move(account), .sequence = *sequence});
  }
  if (!places.empty()) return places;
  const absl::Status status = ForEachEntry(
      1, ~uint64_t{0}, [&](const JournalEntry& entry, absl::string_view) {
        if (entry.command.id == id) {
          places.push_back({.account = std::string(entry.command.account),
                            .sequence = entry.place.sequence});
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return places;
}

absl::StatusOr<OwnedEntry> Ledger::ReadEntry(uint64_t sequence) {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  return ReadLocked(sequence);
}

absl::StatusOr<OwnedEntry> Ledger::ReadLocked(uint64_t sequence) {
  return Lookup(*book_).ReadEntry(sequence);
}

absl::StatusOr<Explanation> Ledger::Explain(uint64_t sequence) {
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  absl::StatusOr<OwnedEntry> owned = ReadLocked(sequence);
  if (!owned.ok()) return owned.status();
  const JournalEntry& entry = **owned;
  const absl::StatusOr<Account*> account =
      book_->FindAccount(entry.command.account);
  if (!account.ok()) return account.status();
  Explanation explanation;
  for (const Allocation& part : PartsOf(entry.effect)) {
    explanation.parts.push_back(
        {.grant = part.grant,
         .grant_id = std::string((*account)->GrantId(part.grant)),
         .amount = part.amount});
  }
  if (entry.command.pricing.has_value()) {
    const Pricing& pricing = *entry.command.pricing;
    const absl::StatusOr<Price> price = Price::Create(pricing.terms);
    if (!price.ok()) return absl::DataLossError(price.status().message());
    explanation.billed_quantity = price->BilledQuantity(pricing.quantity);
    explanation.rounding_rest = RoundingRest(*price, pricing, AmountOf(entry));
  }
  explanation.entry = *std::move(owned);
  return explanation;
}

// The chain of an account leads backward, so that it is walked twice.
absl::Status Ledger::History(absl::string_view account, EntryVisitor visit) {
  std::vector<uint64_t> sequences;
  uint64_t sequence = 0;
  {
    const std::lock_guard<std::mutex> lock(book_mu_);
    const absl::Status status = Ready();
    if (!status.ok()) return status;
    sequence = book_->LastSequence(account);
  }
  if (sequence == 0) return UnknownAccount(account);
  while (sequence != 0) {
    const absl::StatusOr<OwnedEntry> entry = ReadEntry(sequence);
    if (!entry.ok()) return entry.status();
    sequences.push_back(sequence);
    sequence = (*entry)->place.previous;
  }
  for (; !sequences.empty(); sequences.pop_back()) {
    const absl::StatusOr<OwnedEntry> entry = ReadEntry(sequences.back());
    if (!entry.ok()) return entry.status();
    const absl::Status status = visit(**entry, entry->bytes());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Ledger::ForEachEntry(uint64_t first, uint64_t last,
                                  EntryVisitor visit) {
  first = std::max<uint64_t>(first, 1);
  std::optional<JournalHash> before;
  Chunk chunk;
  JournalEntry entry;
  while (first <= last) {
    {
      const std::lock_guard<std::mutex> lock(book_mu_);
      absl::Status status = Ready();
      if (!status.ok()) return status;
      last = std::min(last, book_->head().sequence);
      if (first > last) break;
      status = chunk.Read(*store_, first, last, before);
      if (!status.ok()) return status;
    }
    if (chunk.size() == 0) {
      return absl::DataLossError(
          absl::StrCat(store_->name(), ": entry ", first, ": is missing"));
    }
    for (size_t i = 0; i < chunk.size(); ++i) {
      absl::Status status = DecodeEntry(chunk.bytes(i), entry);
      if (status.ok()) status = visit(entry, chunk.bytes(i));
      if (!status.ok()) return status;
    }
    first += chunk.size();
    before = chunk.hash(chunk.size() - 1);
  }
  return absl::OkStatus();
}

// Verifying.

absl::StatusOr<VerifyReport> Ledger::Verify(
    absl::FunctionRef<void(uint64_t)> progress) {
  LedgerBook book(*store_, WindowsOf(options_));
  VerifyReport report;
  {
    const std::lock_guard<std::mutex> lock(book_mu_);
    const absl::Status status = Ready();
    if (!status.ok()) return status;
    book.HashAs(*book_);
    report.head = book_->head();
  }
  while (report.entries < report.head.sequence) {
    {
      const std::lock_guard<std::mutex> lock(book_mu_);
      const absl::Status status = VerifySome(book, report);
      if (!status.ok()) return status;
    }
    progress(report.entries);
  }
  const std::lock_guard<std::mutex> lock(book_mu_);
  const absl::Status status = VerifyEnd(book, report);
  if (!status.ok()) return status;
  report.accounts = book.accounts();
  return report;
}

// Up to the next snapshot, where there is one: it can be compared only there.
absl::Status Ledger::VerifySome(LedgerBook& book, VerifyReport& report) {
  const absl::StatusOr<uint64_t> snapshot = book.SnapshotInStore();
  if (!snapshot.ok()) return snapshot.status();
  const uint64_t first = report.entries + 1;
  const uint64_t last = *snapshot >= first
                            ? std::min(*snapshot, report.head.sequence)
                            : report.head.sequence;
  Chunk chunk;
  absl::Status status = chunk.Read(*store_, first, last, book.head().hash);
  if (status.ok() && chunk.size() == 0) {
    status = absl::DataLossError(
        absl::StrCat(store_->name(), ": entry ", first, ": is missing"));
  }
  for (size_t i = 0; status.ok() && i < chunk.size(); ++i) {
    status = book.Replay(chunk.bytes(i), chunk.hash(i));
    if (!book.replayed().effect.applied()) ++report.denied;
  }
  if (!status.ok()) return status;
  report.entries += chunk.size();
  if (report.entries != *snapshot) return absl::OkStatus();
  const absl::StatusOr<uint64_t> compared = book.CompareSnapshot();
  if (!compared.ok()) return compared.status();
  report.snapshots = *compared;
  return absl::OkStatus();
}

absl::Status Ledger::VerifyEnd(LedgerBook& book, const VerifyReport& report) {
  absl::Status status;
  const auto fail = [&](absl::string_view account, absl::string_view what) {
    status = absl::DataLossError(absl::StrCat(store_->name(), ": account ",
                                              internal::Quoted(account), what));
  };
  if (!(book.head() == report.head)) {
    return absl::DataLossError(absl::StrCat(
        store_->name(), ": the journal does not end with its head"));
  }
  // What is in memory may be ahead of what was replayed.
  const bool is_current = book_->head() == report.head;
  book.ForEachAccountId([&](absl::string_view id) {
    const absl::StatusOr<Account*> replayed = book.FindAccount(id);
    if (!replayed.ok() || !IsBalanced(**replayed)) {
      return fail(id, " breaks an invariant");
    }
    if (!is_current) return;
    const absl::StatusOr<Account*> kept = book_->FindAccount(id);
    if (!kept.ok() || *kept == nullptr) return fail(id, " cannot be read");
    (*replayed)->Advance((*kept)->now());
    if (!(**replayed == **kept)) fail(id, " differs from its journal");
  });
  return status;
}

}  // namespace konpro

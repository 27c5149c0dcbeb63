#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/mutex.h"
#include "konpro/catalog/price_list.h"
#include "konpro/ledger/internal/apply_command.h"
#include "konpro/ledger/internal/journal_chunk.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/ledger_book.h"
#include "konpro/ledger/ledger.h"

// What can be read of a ledger.

namespace konpro {
namespace {

using internal::ApplyEntry;
using internal::DecodeEntry;
using internal::JournalChunk;
using internal::SameEffect;

absl::Status UnknownAccount(absl::string_view account) {
  return absl::NotFoundError(absl::StrCat("account ", internal::Quoted(account),
                                          " has no command in the journal"));
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

}  // namespace

absl::StatusOr<OwnedEntry> OwnedEntry::Create(absl::string_view bytes) {
  OwnedEntry owned;
  owned.bytes_ = std::make_unique<const std::string>(bytes);
  absl::StatusOr<JournalEntry> entry = DecodeEntry(*owned.bytes_);
  if (!entry.ok()) return entry.status();
  owned.entry_ = std::make_unique<const JournalEntry>(*std::move(entry));
  return owned;
}

UnixNanos Ledger::Now() const { return UnixNanos::FromNanos(now_nanos_); }

absl::StatusOr<JournalHead> Ledger::Head() {
  const MutexLock lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  return book_->head();
}

absl::StatusOr<std::vector<std::string>> Ledger::AccountIds() {
  const MutexLock lock(book_mu_);
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
  const MutexLock lock(book_mu_);
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
        ApplyEntry(entry, result, effect);
        if (SameEffect(effect, entry.effect)) return absl::OkStatus();
        return absl::DataLossError(
            absl::StrCat(store_name_, ": entry ", entry.place.sequence,
                         ": has another effect when it is replayed"));
      });
  if (!status.ok() && !absl::IsCancelled(status)) return status;
  if (is_known) return result;
  return absl::NotFoundError(absl::StrCat("account ", internal::Quoted(account),
                                          " has no entry up to ", sequence));
}

absl::StatusOr<uint64_t> Ledger::FindCommand(absl::string_view account,
                                             absl::string_view id) {
  const MutexLock lock(book_mu_);
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
  const MutexLock lock(book_mu_);
  const absl::Status status = Ready();
  if (!status.ok()) return status;
  return ReadLocked(sequence);
}

absl::StatusOr<OwnedEntry> Ledger::ReadLocked(uint64_t sequence) {
  std::string bytes;
  const absl::Status status = book_->ReadEntry(sequence, bytes);
  if (!status.ok()) return status;
  return OwnedEntry::Create(bytes);
}

absl::StatusOr<Explanation> Ledger::Explain(uint64_t sequence) {
  const MutexLock lock(book_mu_);
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
    const MutexLock lock(book_mu_);
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
  JournalChunk chunk;
  JournalEntry entry;
  while (first <= last) {
    {
      const MutexLock lock(book_mu_);
      absl::Status status = Ready();
      if (!status.ok()) return status;
      last = std::min(last, book_->head().sequence);
      if (first > last) break;
      status = chunk.Read(*store_, first, last, before);
      if (!status.ok()) return status;
    }
    if (chunk.size() == 0) {
      return absl::DataLossError(
          absl::StrCat(store_name_, ": entry ", first, ": is missing"));
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

absl::StatusOr<Ledger::CommandPlace> FindCommand(Ledger& ledger,
                                                 absl::string_view account,
                                                 absl::string_view id) {
  if (!account.empty()) {
    const absl::StatusOr<uint64_t> sequence = ledger.FindCommand(account, id);
    if (!sequence.ok()) return sequence.status();
    if (*sequence != 0) {
      return Ledger::CommandPlace{.account = std::string(account),
                                  .sequence = *sequence};
    }
  }
  absl::StatusOr<std::vector<Ledger::CommandPlace>> places =
      ledger.FindCommand(id);
  if (!places.ok()) return places.status();
  const Ledger::CommandPlace* found = nullptr;
  for (const Ledger::CommandPlace& place : *places) {
    if (!account.empty() && place.account != account) continue;
    if (found != nullptr && found->account != place.account) {
      return absl::InvalidArgumentError(absl::StrCat(
          "id ", internal::Quoted(id), " is a command of ",
          internal::Quoted(found->account), " and of ",
          internal::Quoted(place.account), ": say which with --account"));
    }
    found = &place;
  }
  if (found != nullptr) return *found;
  return absl::NotFoundError(
      absl::StrCat("no command has the id ", internal::Quoted(id)));
}

}  // namespace konpro

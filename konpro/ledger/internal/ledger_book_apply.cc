#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/internal/name.h"
#include "konpro/ledger/internal/apply_command.h"
#include "konpro/ledger/internal/journal_codec.h"
#include "konpro/ledger/internal/ledger_book.h"

// Commands: one that is new is resolved, applied to its account and encoded;
// one whose id is remembered gets its first result.
//
// Time: `time_` is the largest of the times of all commands, also of one that
// was only checked, was malformed for its account or was replayed. Such times
// are in no entry, and may be lost with the process, as nothing depends on
// them: snapshots keep an account's own time with it, and the ledger's too.

namespace konpro::internal {

uint64_t LedgerBook::Prepare(const LedgerCommand& command) const {
  const uint64_t hash = id_hash_(command.account, command.id);
  duplicates_.Prefetch(hash);
  return hash;
}

void LedgerBook::Apply(const LedgerCommand& command, uint64_t id_hash,
                       absl::StatusOr<LedgerOutcome>& outcome) {
  absl::Status status = ValidateCommand(command, windows_.duplicates);
  if (!outcome.ok()) outcome.emplace();
  outcome->sequence = 0;
  outcome->replayed = false;
  const bool has_id = !IsCheckOnly(command.request);
  const UnixNanos now = std::max(time_, command.at);
  if (status.ok() && has_id) {
    const absl::StatusOr<uint64_t> first =
        Find(id_hash, command.account, command.id, now);
    if (first.ok() && *first != 0) {
      status = Answer(command, *first, *outcome);
      if (!status.ok()) outcome = status;
      return;
    }
    status = first.status();
  }
  const Catalog* const catalog =
      windows_.catalog == nullptr
          ? nullptr
          : windows_.catalog->load(std::memory_order_acquire);
  if (status.ok() && catalog != nullptr) status = CheckNames(command, *catalog);
  if (status.ok()) status = CheckTime(command, now);
  if (status.ok()) status = Execute(command, id_hash, *outcome);
  if (!status.ok()) outcome = status;
}

absl::Status LedgerBook::Answer(const LedgerCommand& command, uint64_t sequence,
                                LedgerOutcome& outcome) {
  const std::string difference =
      ContentDifference(command, found_.entry.command);
  if (!difference.empty()) {
    return absl::AlreadyExistsError(absl::StrCat(
        "id ", Quoted(command.id), " of account ", Quoted(command.account),
        " was used for another command (", sequence, "): ", difference));
  }
  outcome.sequence = sequence;
  outcome.at = found_.entry.place.at;
  outcome.replayed = true;
  outcome.effect = found_.entry.effect;
  const absl::StatusOr<Account*> account =
      AdvanceAccount(command.account, command.at);
  if (!account.ok()) return account.status();
  outcome.balance = (*account)->balance();
  return absl::OkStatus();
}

absl::StatusOr<Account*> LedgerBook::AdvanceAccount(absl::string_view account,
                                                    UnixNanos at) {
  const absl::StatusOr<Account*> found = FindAccount(account);
  if (!found.ok()) return found.status();
  time_ = std::max(time_, at);
  if (*found != nullptr) (*found)->Advance(time_);
  return found;
}

absl::Status LedgerBook::CheckTime(const LedgerCommand& command,
                                   UnixNanos now) const {
  const UnixNanos event = command.event_at.value_or(command.at);
  if (event > now) {
    return TakeTime({.field = "event_at",
                     .asked = event.ToTime(),
                     .clock = now.ToTime(),
                     .tolerance = windows_.ahead})
        .status();
  }
  if (now - event > windows_.acceptance) {
    return absl::OutOfRangeError(absl::StrCat(
        command.event_at.has_value() ? "event_at: " : "at: ",
        absl::FormatDuration(now - event),
        " before the ledger's time, which is above the acceptance window of ",
        absl::FormatDuration(windows_.acceptance)));
  }
  return absl::OkStatus();
}

// Leaves what it finds in resolution_.
absl::Status LedgerBook::Resolve(const LedgerCommand& command, UnixNanos now,
                                 Account& account) {
  resolution_.target = 0;
  resolution_.amount = Credits();
  resolution_.posted_at = UnixNanos();
  resolution_.posted.clear();
  if (std::holds_alternative<LedgerRefund>(command.request)) {
    return ResolveRefund(command, now);
  }
  const auto* const capture = std::get_if<LedgerCapture>(&command.request);
  const auto* const release = std::get_if<LedgerVoid>(&command.request);
  if (capture == nullptr && release == nullptr) return absl::OkStatus();
  const absl::string_view id =
      capture != nullptr ? capture->reservation : release->reservation;
  const absl::StatusOr<uint64_t> found =
      Find(id_hash_(command.account, id), command.account, id, now);
  if (!found.ok()) return found.status();
  resolution_.target = *found;
  if (capture == nullptr) return absl::OkStatus();
  if (capture->amount.has_value()) {
    resolution_.amount = *capture->amount;
    return absl::OkStatus();
  }
  account.Advance(now);
  const std::optional<ReservationView> open =
      account.FindReservation(resolution_.target);
  if (open.has_value()) resolution_.amount = open->held;
  return absl::OkStatus();
}

absl::Status LedgerBook::ResolveRefund(const LedgerCommand& command,
                                       UnixNanos now) {
  const auto& refund = std::get<LedgerRefund>(command.request);
  uint64_t sequence = refund.sequence;
  if (sequence == 0) {
    const absl::StatusOr<uint64_t> found =
        Find(id_hash_(command.account, refund.command), command.account,
             refund.command, now);
    if (!found.ok()) return found.status();
    sequence = *found;
  } else {
    const absl::Status status = ReadFound(sequence);
    if (!status.ok()) return status;
  }
  const JournalEntry& entry = found_.entry;
  if (sequence == 0 || entry.command.account != command.account) {
    return absl::NotFoundError(absl::StrCat(
        "command: account ", Quoted(command.account), " has none of ",
        sequence == 0 ? Quoted(refund.command) : absl::StrCat(sequence)));
  }
  if (!std::holds_alternative<SpendCommand>(entry.command.request) &&
      !std::holds_alternative<LedgerCapture>(entry.command.request)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "command: ", sequence, " is a ", RequestName(entry.command.request),
        ", which posts no credits"));
  }
  if (!entry.effect.applied()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "command: ", sequence, " was denied (",
        RefusalName(entry.effect.refusal), "): it posted nothing"));
  }
  resolution_.target = sequence;
  resolution_.posted_at = entry.place.at;
  resolution_.posted = entry.effect.posted;
  // ApplyTo() reduces it to what is not refunded yet. Posted amounts have a
  // sum: see journal_codec.h.
  resolution_.amount = refund.amount.value_or(*SumOf(resolution_.posted));
  return absl::OkStatus();
}

void LedgerBook::ApplyTo(const EntryPlace& place, const LedgerCommand& command,
                         Account& account, AccountEffect& effect) {
  ApplyCommand(place, command, resolution_, account, effect);
  const auto* const refund = std::get_if<LedgerRefund>(&command.request);
  if (refund == nullptr || refund->amount.has_value() ||
      effect.refusal != Refusal::kAboveSpend ||
      effect.shortage.available == Credits()) {
    return;
  }
  resolution_.amount = effect.shortage.available;
  ApplyCommand(place, command, resolution_, account, effect);
}

absl::Status LedgerBook::Execute(const LedgerCommand& command, uint64_t hash,
                                 LedgerOutcome& outcome) {
  auto found = records_.find(command.account);
  std::unique_ptr<Account> fresh;
  Account* account = nullptr;
  if (found == records_.end()) {
    fresh = std::make_unique<Account>();
    account = fresh.get();
  } else {
    const absl::StatusOr<Account*> opened =
        Open(found->second, command.account);
    if (!opened.ok()) return opened.status();
    account = *opened;
  }
  const UnixNanos now = std::max(time_, command.at);
  const absl::Status status = Resolve(command, now, *account);
  if (!status.ok()) return status;
  time_ = now;
  const EntryPlace place{
      .sequence = head_.sequence + 1,
      .previous = found == records_.end() ? 0 : found->second.last_sequence,
      .at = now};
  ApplyTo(place, command, *account, outcome.effect);
  if (outcome.effect.refusal == Refusal::kMalformed) {
    return absl::InvalidArgumentError(
        absl::StrCat(RequestName(command.request),
                     ": a field is outside the limits of an account"));
  }
  outcome.at = now;
  outcome.balance = account->balance();
  if (IsCheckOnly(command.request)) return absl::OkStatus();
  if (fresh != nullptr) {
    found = records_.try_emplace(std::string(command.account)).first;
    found->second.account = std::move(fresh);
  }
  outcome.sequence = place.sequence;
  const size_t begin = pending_bytes_.size();
  EncodeEntry(place, command, resolution_, outcome.effect, pending_bytes_);
  head_ = {.sequence = place.sequence,
           .hash = ChainHash(head_.hash,
                             absl::string_view(pending_bytes_).substr(begin))};
  pending_.emplace_back(pending_bytes_.size(), head_.hash);
  Note(place, hash, found->second);
  if (sessions_.has_value() && sessions_seen_ + 1 == place.sequence) {
    ++sessions_seen_;
    if (outcome.effect.applied()) sessions_->Observe(command, now);
  }
  return absl::OkStatus();
}

}  // namespace konpro::internal

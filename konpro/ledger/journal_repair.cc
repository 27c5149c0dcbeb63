#include "konpro/ledger/journal_repair.h"

#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/ledger/internal/journal_codec.h"

namespace konpro {
namespace {

// What makes the error its own, beside its code.
constexpr char kAheadPayload[] = "konpro.ai/journal_ahead";

// Entries of one commit to the copy: about a megabyte.
constexpr size_t kCopyEntries = 8192;

// Entries on their way to a store.
class Copy {
 public:
  explicit Copy(Store& to) : to_(to) {}

  absl::Status Add(uint64_t sequence, absl::string_view bytes) {
    hash_ = internal::ChainHash(hash_, bytes);
    entries_.push_back({.sequence = sequence, .hash = hash_});
    bytes_.append(bytes.data(), bytes.size());
    ends_.push_back(bytes_.size());
    return entries_.size() < kCopyEntries ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    if (entries_.empty()) return absl::OkStatus();
    size_t begin = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
      entries_[i].bytes =
          absl::string_view(bytes_).substr(begin, ends_[i] - begin);
      begin = ends_[i];
    }
    const absl::Status status = to_.Append(head_, entries_);
    if (!status.ok()) return status;
    head_ = {.sequence = entries_.back().sequence, .hash = hash_};
    entries_.clear();
    bytes_.clear();
    ends_.clear();
    return absl::OkStatus();
  }

  const JournalHead& head() const { return head_; }

 private:
  Store& to_;
  JournalHead head_;  // of what was appended
  JournalHash hash_{};
  std::vector<StoredEntry> entries_;
  std::string bytes_;
  std::vector<size_t> ends_;  // of each entry, in bytes_
};

}  // namespace

// Times of entries never go back.
absl::StatusOr<std::optional<AheadOfClock>> FindAheadOfClock(
    Ledger& ledger, const JournalClock& clock) {
  const UnixNanos last_at = ledger.Now();
  const auto is_ahead = [&](UnixNanos at) {
    return at.ToTime() - clock.clock > ledger.options().clock_tolerance;
  };
  if (!is_ahead(last_at)) return std::nullopt;
  const absl::StatusOr<JournalHead> head = ledger.Head();
  if (!head.ok()) return head.status();
  uint64_t first = 1;
  uint64_t end = head->sequence + 1;
  while (first < end) {
    const uint64_t middle = first + (end - first) / 2;
    const absl::StatusOr<OwnedEntry> entry = ledger.ReadEntry(middle);
    if (!entry.ok()) return entry.status();
    if (is_ahead((*entry)->place.at)) {
      end = middle;
    } else {
      first = middle + 1;
    }
  }
  return AheadOfClock{.last_at = last_at, .good_through = first - 1};
}

std::string AheadOfClockText(const AheadOfClock& ahead,
                             const JournalClock& clock) {
  return absl::StrCat(
      "the journal is ahead of the clock: its last time, ",
      ClockText(ahead.last_at.ToTime()), ", is ",
      AheadText(ahead.last_at.ToTime() - clock.clock),
      " after what the clock says, ", ClockText(clock.clock),
      ". Nothing is applied to it until then. If the clock is right, this "
      "copies what came before: konpro backup NEW --db=",
      clock.file, " --through=", ahead.good_through);
}

absl::Status CheckJournalClock(Ledger& ledger, const JournalClock& clock) {
  const absl::StatusOr<std::optional<AheadOfClock>> ahead =
      FindAheadOfClock(ledger, clock);
  if (!ahead.ok()) return ahead.status();
  if (!ahead->has_value()) return absl::OkStatus();
  absl::Status status =
      absl::UnavailableError(AheadOfClockText(**ahead, clock));
  status.SetPayload(kAheadPayload, absl::Cord());
  return status;
}

bool IsAheadOfClock(const absl::Status& status) {
  return status.GetPayload(kAheadPayload).has_value();
}

absl::StatusOr<JournalHead> CopyJournal(Ledger& from, uint64_t through,
                                        Store& to) {
  const absl::StatusOr<JournalHead> head = from.Head();
  if (!head.ok()) return head.status();
  if (through > head->sequence) {
    return absl::OutOfRangeError(absl::StrCat("through: the journal has ",
                                              head->sequence, " entries, not ",
                                              through));
  }
  Copy copy(to);
  if (through == 0) return copy.head();
  absl::Status status = from.ForEachEntry(
      1, through, [&](const JournalEntry& entry, absl::string_view bytes) {
        return copy.Add(entry.place.sequence, bytes);
      });
  if (status.ok()) status = copy.Flush();
  if (!status.ok()) return status;
  return copy.head();
}

}  // namespace konpro

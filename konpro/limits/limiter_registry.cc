// The table is open addressing by cache lines (Knuth, "The Art of Computer
// Programming", volume 3, section 6.4: linear probing with buckets of two): an
// account lies in the first line from its hash's own on that had an empty slot,
// and a search ends at the first line that has one. With nine lines for
// eight accounts, eleven of twelve lie in their own line.
//
// A slot never moves, and becomes empty only if no account's search passes
// it; else it is marked as passed and waits for an account whose search does,
// or for the day when none does.
//
// A slot that gets another account has: the cell written, the new hash, the new
// windows, in this order. Until the windows are there, the account is not. A
// call that found the slot by the old hash reads the windows and then the hash,
// and so meets no windows or another hash.
#include "konpro/limits/limiter_registry.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace konpro {
namespace {

constexpr uint64_t kEmpty = 0;
constexpr uint64_t kPassed = 1;
constexpr uint64_t kSharedBit = 1;
using internal::kSpareLines;

// REQUIRES: an account is there.
bool IsShared(const internal::LimiterSlot& slot) {
  return (slot.hash.load(std::memory_order_relaxed) & kSharedBit) != 0;
}

// Notes in the image what a replacement of windows began with.
struct ImageNote {
  void operator()(const LimiterState& state) const {
    image->BeginReplace(slot, from, state);
  }

  internal::ImageWriter* image;
  size_t slot;
  internal::WindowsTag from;
};

absl::Status HandedOverError() {
  return absl::FailedPreconditionError("the registry was handed over");
}

// `windows` as LimiterWindows, `share` of 0 .. kPhases - 1 of a period later.
absl::StatusOr<LimiterWindows> Compile(absl::Span<const RateWindow> windows,
                                       uint64_t share) {
  const absl::Status status = CheckWindows(windows);
  if (!status.ok()) return status;
  std::vector<RateWindow> shifted(windows.begin(), windows.end());
  for (RateWindow& window : shifted) {
    if (window.kind() != WindowKind::kFixed || share == 0) continue;
    const int64_t later_ms = window.period_ms() * static_cast<int64_t>(share) /
                             int64_t{LimiterRegistry::kPhases};
    absl::StatusOr<RateWindow> later = RateWindow::Create(
        {.name = window.name(),
         .kind = window.kind(),
         .limit = window.limit(),
         .period = window.period(),
         .phase = absl::Milliseconds((window.phase_ms() + later_ms) %
                                     window.period_ms())});
    if (!later.ok()) return later.status();
    window = *later;
  }
  return LimiterWindows::Of(shifted);
}

// By a key that all registries have, so that an account keeps its phase
// wherever it goes.
uint64_t PhaseOf(absl::string_view account) {
  static const internal::AccountHash hash(internal::AccountHash::KeyOf(0));
  return hash(account) % LimiterRegistry::kPhases;
}

std::string FieldsOf(const LimiterWindows& windows) {
  std::string fields = windows.cost_max() == 0 ? "0" : "";
  for (size_t i = 0; i < windows.kept_size(); ++i) {
    const RateWindow& w = windows.window(i);
    absl::StrAppend(&fields, i < windows.size() ? "/" : "+", w.name(), " ",
                    static_cast<int>(w.kind()), " ", w.limit(), " ",
                    w.period_ms(), " ", w.phase_ms());
  }
  return fields;
}

LimiterState FreshAt(const LimiterWindows& windows, UnixNanos time) {
  LimiterState state;
  for (size_t i = 0; i < windows.size(); ++i) {
    state.windows[i].word = windows.rule(i).At(time, 0).mark;
  }
  return state;
}

bool IsFresh(const LimiterWindows& windows, const LimiterState& state,
             UnixNanos now) {
  for (size_t i = 0; i < windows.kept_size(); ++i) {
    if (windows.rule(i).FreshAt(state.windows[i], now) > now) return false;
  }
  return true;
}

}  // namespace

// An account whose hash another has too.
struct LimiterRegistry::Shared {
  std::string id;
  Handle handle;
};

// Where an account is or could be.
struct LimiterRegistry::Place {
  Slot* found = nullptr;
  Slot* twin = nullptr;  // another account with the same hash
  Slot* free = nullptr;
};

absl::StatusOr<std::unique_ptr<LimiterRegistry>> LimiterRegistry::Create(
    const Options& options) {
  if (options.capacity < 1 || options.capacity > kCapacityMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("capacity: ", options.capacity,
                     " accounts are outside 1 .. ", kCapacityMax));
  }
  internal::AccountHash::Key key;
  if (options.seed.has_value()) {
    key = internal::AccountHash::KeyOf(*options.seed);
  } else if (getentropy(key.data(), sizeof(key)) != 0) {
    return absl::UnavailableError("the system gives no random bytes");
  }
  const size_t lines = internal::LinesFor(options.capacity);
  static_assert(kCapacityMax <= size_t{1} << (kSlotBits - 2));
  if (!options.memory.bytes.empty()) {
    if (options.memory.bytes.size() < internal::ImageBytes(lines)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "memory: ", options.memory.bytes.size(), " bytes are too few for ",
          options.capacity, " accounts: ", internal::ImageBytes(lines)));
    }
    return std::unique_ptr<LimiterRegistry>(
        new LimiterRegistry(options, key, lines, std::nullopt));
  }
  internal::HugePages table(lines * kSlotsPerLine * sizeof(Slot));
  if (table.data() == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("capacity: no memory for ", table.bytes(), " bytes of ",
                     options.capacity, " accounts"));
  }
  return std::unique_ptr<LimiterRegistry>(
      new LimiterRegistry(options, key, lines, std::move(table)));
}

LimiterRegistry::LimiterRegistry(const Options& options,
                                 const internal::AccountHash::Key& key,
                                 size_t lines,
                                 std::optional<internal::HugePages> table)
    : hash_(key),
      table_(std::move(table)),
      // Zeroed memory is empty slots.
      slots_(static_cast<Slot*>(table_.has_value()
                                    ? table_->data()
                                    : options.memory.bytes.data() +
                                          internal::kImageSlotsAt)),
      lines_(lines),
      capacity_(options.capacity),
      staggered_(options.staggered),
      shared_(kSharedHashesMax),
      ids_(lines * kSlotsPerLine, options.capacity) {
  static_assert(kDistinctWindowsMax + 1 == internal::kImageWindowsMax);
  windows_.reserve(internal::kImageWindowsMax);
  windows_.push_back(LimiterWindows::None(LimitOutcome::kUnknownAccount));
  windows_begin_ = windows_.data();
  if (!table_.has_value()) {
    image_ = internal::ImageWriter(options.memory, key, lines);
    image_.AddWindows(internal::kNoAccount, windows_.front());
  }
}

LimiterRegistry::~LimiterRegistry() = default;

LimiterRegistry::Handle LimiterRegistry::FindFurther(absl::string_view account,
                                                     uint64_t hash) const {
  for (size_t line = LineOf(hash);; line = NextLine(line)) {
    bool ends = false;
    for (size_t i = 0; i < kSlotsPerLine; ++i) {
      Slot& slot = slots_[line * kSlotsPerLine + i];
      const uint64_t seen = slot.hash.load(std::memory_order_acquire);
      if (seen == hash) return Handle(&slot, hash);
      if (seen == (hash | kSharedBit)) return FindShared(account);
      ends = ends || seen == kEmpty;
    }
    if (ends) return Handle();
  }
}

LimiterRegistry::Handle LimiterRegistry::FindShared(
    absl::string_view account) const {
  const size_t size = shared_size_.load(std::memory_order_acquire);
  for (size_t i = 0; i < size; ++i) {
    if (shared_[i].id == account) return shared_[i].handle;
  }
  return Handle();
}

absl::Status LimiterRegistry::CheckAccount(absl::string_view account) const {
  if (handed_over()) return HandedOverError();
  return CheckAccountId(account);
}

absl::StatusOr<size_t> LimiterRegistry::Keep(const LimiterWindows& windows) {
  std::string fields = FieldsOf(windows);
  const auto found = kept_.find(fields);
  if (found != kept_.end()) return found->second;
  if (kept_.size() >= kDistinctWindowsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("windows: ", kDistinctWindowsMax,
                     " different ones were given in the registry's life"));
  }
  const size_t index = windows_.size();
  windows_.push_back(windows);
  kept_.emplace(std::move(fields), index);
  image_.AddWindows(index, windows);
  return index;
}

const LimiterWindows& LimiterRegistry::WindowsIn(
    internal::WindowsTag tag) const {
  return windows_begin_[internal::IndexOf(tag)];
}

void LimiterRegistry::Replace(Slot& slot, internal::WindowsTag from, size_t to,
                              UnixNanos now) {
  const internal::WindowsTag tag = internal::TagOf(to, ++generation_);
  internal::ReplaceWindows(
      slot.cell, WindowsIn(from), WindowsIn(tag), now,
      [&] { slot.windows.store(tag, std::memory_order_release); },
      ImageNote{.image = &image_,
                .slot = static_cast<size_t>(&slot - slots_),
                .from = from});
  image_.EndReplace();
}

LimiterRegistry::Place LimiterRegistry::Look(absl::string_view account,
                                             uint64_t hash) const {
  Place place;
  for (size_t line = LineOf(hash);; line = NextLine(line)) {
    bool ends = false;
    for (size_t i = 0; i < kSlotsPerLine; ++i) {
      const size_t index = line * kSlotsPerLine + i;
      Slot* const slot = &slots_[index];
      const uint64_t seen = slot->hash.load(std::memory_order_relaxed);
      if (seen == kEmpty || seen == kPassed) {
        ends = ends || seen == kEmpty;
        if (place.free == nullptr) place.free = slot;
      } else if ((seen | kSharedBit) == (hash | kSharedBit)) {
        (ids_.Of(index) == account ? place.found : place.twin) = slot;
      }
    }
    if (ends) return place;
  }
}

absl::StatusOr<LimiterRegistry::Handle> LimiterRegistry::Insert(
    absl::string_view account, absl::Span<const RateWindow> windows) {
  const MutexLock lock(mu_);
  const absl::Status status = CheckAccount(account);
  if (!status.ok()) return status;
  const absl::StatusOr<LimiterWindows> compiled =
      Compile(windows, staggered_ ? PhaseOf(account) : 0);
  if (!compiled.ok()) return compiled.status();
  const uint64_t hash = HashOf(account);
  const Place place = Look(account, hash);
  if (place.found == nullptr || dropped_.count(place.found - slots_) == 0) {
    return Put(account, hash, place, *compiled,
               FreshAt(*compiled, fresh_since_));
  }
  const absl::StatusOr<size_t> kept = Keep(*compiled);
  if (!kept.ok()) return kept.status();
  Replace(*place.found, dropped_[place.found - slots_], *kept, fresh_since_);
  dropped_.erase(place.found - slots_);
  ++size_;
  return Handle(place.found, hash);
}

absl::Status LimiterRegistry::Restore(const Account& account) {
  for (const WindowState& state : account.state.windows) {
    if (state == WindowRule::kClosed) {
      return absl::InvalidArgumentError(
          absl::StrCat("account ", account.id, ": its state is closed"));
    }
  }
  const MutexLock lock(mu_);
  const absl::Status status = CheckAccount(account.id);
  if (!status.ok()) return status;
  const uint64_t hash = HashOf(account.id);
  return Put(account.id, hash, Look(account.id, hash), *account.windows,
             account.state)
      .status();
}

absl::StatusOr<LimiterRegistry::Handle> LimiterRegistry::Put(
    absl::string_view account, uint64_t hash, const Place& place,
    const LimiterWindows& windows, const LimiterState& state) {
  if (place.found != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat("account ", account, " is provisioned already"));
  }
  if (size_ + dropped_.size() >= capacity_ ||
      occupied_ >= (lines_ - kSpareLines / 2) * kSlotsPerLine) {
    return absl::ResourceExhaustedError(
        absl::StrCat("capacity: ", size_ + dropped_.size(), " of ", capacity_,
                     " accounts are there, and no room for ", account));
  }
  const size_t shared = shared_size_.load(std::memory_order_relaxed);
  if (place.twin != nullptr &&
      shared + (IsShared(*place.twin) ? 1 : 2) > kSharedHashesMax) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "account ", account, " has the hash of another, as ", shared, " have"));
  }
  const absl::StatusOr<size_t> kept = Keep(windows);
  if (!kept.ok()) return kept.status();
  Slot& slot = *place.free;
  if (slot.hash.load(std::memory_order_relaxed) == kEmpty) {
    ++occupied_;
  } else {
    passed_.erase(std::find(passed_.begin(), passed_.end(), &slot - slots_));
  }
  LimiterState before = slot.cell.Load();
  while (!slot.cell.CompareExchange(before, state)) {
  }
  ids_.Store(&slot - slots_, account);
  ++size_;
  image_.BeginAdd(static_cast<size_t>(&slot - slots_), hash);
  // A search for the twin must not end here: their ids differ before the
  // hash is there.
  if (place.twin != nullptr) {
    Share(*place.twin, hash);
    Share(slot, hash);
  } else {
    slot.hash.store(hash, std::memory_order_release);
  }
  slot.windows.store(internal::TagOf(*kept, ++generation_),
                     std::memory_order_release);
  image_.EndAdd();
  return Handle(&slot, hash);
}

// The slot of a new account has another hash yet.
void LimiterRegistry::Share(Slot& slot, uint64_t hash) {
  if (slot.hash.load(std::memory_order_relaxed) == (hash | kSharedBit)) return;
  const size_t size = shared_size_.load(std::memory_order_relaxed);
  shared_[size] = {.id = std::string(ids_.Of(&slot - slots_)),
                   .handle = Handle(&slot, hash)};
  shared_size_.store(size + 1, std::memory_order_release);
  slot.hash.store(hash | kSharedBit, std::memory_order_release);
}

// A change of an account's windows that has room.
struct LimiterRegistry::Change {
  Slot* slot = nullptr;
  internal::WindowsTag from = 0;
  size_t to = 0;
};

absl::StatusOr<LimiterRegistry::Change> LimiterRegistry::Plan(
    absl::string_view account, absl::Span<const RateWindow> windows) {
  const absl::Status status = CheckAccount(account);
  if (!status.ok()) return status;
  absl::StatusOr<LimiterWindows> compiled =
      Compile(windows, staggered_ ? PhaseOf(account) : 0);
  if (!compiled.ok()) return compiled.status();
  Slot* const slot = Look(account, HashOf(account)).found;
  const internal::WindowsTag from =
      slot != nullptr ? slot->windows.load(std::memory_order_relaxed) : 0;
  if (from == 0) {
    return absl::NotFoundError(
        absl::StrCat("account ", account, " is not provisioned"));
  }
  *compiled = windows.empty() ? WindowsIn(from).Suspended()
                              : KeepingOf(WindowsIn(from), *compiled);
  const absl::StatusOr<size_t> to = Keep(*compiled);
  if (!to.ok()) return to.status();
  return Change{.slot = slot, .from = from, .to = *to};
}

absl::Status LimiterRegistry::SetWindows(absl::string_view account,
                                         absl::Span<const RateWindow> windows,
                                         UnixNanos now) {
  const MutexLock lock(mu_);
  const absl::StatusOr<Change> change = Plan(account, windows);
  if (!change.ok()) return change.status();
  if (change->to != internal::IndexOf(change->from)) {
    Replace(*change->slot, change->from, change->to, now);
  }
  return absl::OkStatus();
}

absl::Status LimiterRegistry::KeepWindows(
    absl::string_view account, absl::Span<const RateWindow> windows) {
  const MutexLock lock(mu_);
  return Plan(account, windows).status();
}

size_t LimiterRegistry::DropIdle(UnixNanos now) {
  const MutexLock lock(mu_);
  if (handed_over()) return 0;
  MakeRoom(now);
  fresh_since_ = std::max(fresh_since_, now);
  image_.SetFreshSince(fresh_since_);
  size_t forgotten = 0;
  for (size_t i = 0; i < lines_ * kSlotsPerLine; ++i) {
    Slot& slot = slots_[i];
    const internal::WindowsTag tag =
        slot.windows.load(std::memory_order_relaxed);
    if (tag == 0) continue;
    // A handle that shared_ has is for life.
    if (IsShared(slot)) continue;
    if (!IsFresh(WindowsIn(tag), slot.cell.Load(), now)) continue;
    slot.windows.store(0, std::memory_order_release);
    dropped_.emplace(i, tag);
    --size_;
    ++forgotten;
  }
  return forgotten;
}

void LimiterRegistry::MakeRoom(UnixNanos now) {
  for (auto it = dropped_.begin(); it != dropped_.end();) {
    const auto [index, tag] = *it;
    Slot& slot = slots_[index];
    // A call that was under way may have taken a permit since, or an account
    // of the same hash come.
    if (IsShared(slot) || !IsFresh(WindowsIn(tag), slot.cell.Load(), now)) {
      ++it;
      continue;
    }
    ids_.Erase(index);
    image_.BeginRemove(index, slot.hash.load(std::memory_order_relaxed));
    slot.hash.store(kPassed, std::memory_order_release);
    image_.EndRemove();
    passed_.push_back(index);
    it = dropped_.erase(it);
  }
  const auto is_free = [this](size_t index) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (IsPassed(index / kSlotsPerLine)) return false;
    slots_[index].hash.store(kEmpty, std::memory_order_release);
    --occupied_;
    return true;
  };
  passed_.erase(std::remove_if(passed_.begin(), passed_.end(), is_free),
                passed_.end());
}

// Whether an account lies after `line` whose search comes from there or before.
bool LimiterRegistry::IsPassed(size_t line) const {
  for (size_t next = NextLine(line);; next = NextLine(next)) {
    const size_t distance = (next + lines_ - line) % lines_;
    bool ends = false;
    for (size_t i = 0; i < kSlotsPerLine; ++i) {
      const uint64_t hash =
          slots_[next * kSlotsPerLine + i].hash.load(std::memory_order_relaxed);
      if (hash == kEmpty) ends = true;
      if (hash == kEmpty || hash == kPassed) continue;
      const size_t home = LineOf(hash & ~kSharedBit);
      if ((next + lines_ - home) % lines_ >= distance) return true;
    }
    if (ends) return false;
  }
}

void LimiterRegistry::ForEach(Visitor visit) {
  const MutexLock lock(mu_);
  for (size_t i = 0; i < lines_ * kSlotsPerLine; ++i) {
    const internal::WindowsTag tag =
        slots_[i].windows.load(std::memory_order_relaxed);
    if (tag == 0) continue;
    visit({.id = ids_.Of(i),
           .windows = &WindowsIn(tag),
           .state = slots_[i].cell.LoadBoth()});
  }
}

absl::Status LimiterRegistry::HandOver(Visitor visit) {
  const MutexLock lock(mu_);
  if (handed_over()) return HandedOverError();
  handed_over_.store(true);
  // A call that was under way may still hold windows that were dropped.
  for (const auto& [index, tag] : dropped_) {
    slots_[index].windows.store(tag, std::memory_order_relaxed);
  }
  dropped_.clear();
  for (size_t i = 0; i < lines_ * kSlotsPerLine; ++i) {
    Slot& slot = slots_[i];
    const internal::WindowsTag tag =
        slot.windows.load(std::memory_order_relaxed);
    if (tag == 0) continue;
    LimiterState state = slot.cell.Load();
    while (!slot.cell.CompareExchange(state, internal::ClosedOf(state))) {
    }
    slot.windows.store(0, std::memory_order_release);
    visit({.id = ids_.Of(i), .windows = &WindowsIn(tag), .state = state});
  }
  size_ = 0;
  return absl::OkStatus();
}

UnixNanos LimiterRegistry::fresh_since() const {
  const MutexLock lock(mu_);
  return fresh_since_;
}

void LimiterRegistry::RaiseFreshSince(UnixNanos fresh_since) {
  const MutexLock lock(mu_);
  fresh_since_ = std::max(fresh_since_, fresh_since);
  image_.SetFreshSince(fresh_since_);
}

size_t LimiterRegistry::size() const {
  const MutexLock lock(mu_);
  return size_;
}

}  // namespace konpro

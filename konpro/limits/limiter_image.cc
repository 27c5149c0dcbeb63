#include "konpro/limits/limiter_image.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "konpro/limits/internal/image_writer.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

using internal::ImageHeader;
using internal::ImageSlot;
using internal::ImageWindow;
using internal::ImageWindows;

constexpr uint64_t kSharedBit = 1;

const ImageHeader& HeaderOf(absl::Span<const char> bytes) {
  return *reinterpret_cast<const ImageHeader*>(bytes.data());
}
ImageHeader& HeaderOf(absl::Span<char> bytes) {
  return *reinterpret_cast<ImageHeader*>(bytes.data());
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("is damaged: ", what));
}

// Of all that an orderly end leaves.
uint64_t SealOf(absl::Span<const char> bytes) {
  const ImageHeader& header = HeaderOf(bytes);
  const uint64_t words[] = {
      header.windows_size.load(),      header.fresh_since.load(),
      header.accounts.load(),          header.members.load(),
      header.changing_slot.load(),     header.changing_member.load(),
      header.replaced_slot.load(),     header.replaced_windows.load(),
      header.replaced_words[0].load(), header.replaced_words[1].load(),
  };
  const uint64_t sum = internal::SumOf(words, sizeof(words));
  return internal::SumOf(bytes.data() + internal::kImageRecordsAt,
                         bytes.size() - internal::kImageRecordsAt, sum) |
         1;
}

absl::StatusOr<LimiterWindows> WindowsOf(const ImageWindows& record) {
  if (record.sum != internal::SumOf(&record, offsetof(ImageWindows, sum)) ||
      record.kept_size > RateWindow::kWindowsMax ||
      record.size > record.kept_size ||
      (record.size != record.kept_size && record.size != 1)) {
    return Damaged("a record of windows");
  }
  std::vector<RateWindow> windows;
  for (uint32_t i = 0; i < record.kept_size; ++i) {
    const ImageWindow& w = record.windows[i];
    const absl::StatusOr<RateWindow> window = RateWindow::Create(
        {.name = absl::string_view(w.name, strnlen(w.name, sizeof(w.name))),
         .kind = static_cast<WindowKind>(w.kind),
         .limit = w.limit,
         .period = absl::Milliseconds(w.period_ms),
         .phase = absl::Milliseconds(w.phase_ms)});
    if (!window.ok()) return Damaged(window.status().message());
    windows.push_back(*window);
  }
  const absl::Status status = CheckWindows(windows);
  if (!status.ok()) return Damaged(status.message());
  LimiterWindows result =
      LimiterWindows::Of(absl::MakeSpan(windows).subspan(0, record.size));
  if (record.size < windows.size()) result = result.WithKept(windows.back());
  return record.is_suspended != 0 ? result.Suspended() : result;
}

}  // namespace

namespace internal {

ImageWriter::ImageWriter(const LimiterMemory& memory,
                         const AccountHash::Key& key, size_t lines)
    : bytes_(memory.bytes), flush_(memory.flush) {
  ImageHeader& header = HeaderOf(bytes_);
  std::memcpy(header.magic, kImageMagic, sizeof(header.magic));
  header.version = kImageVersion;
  header.lines = lines;
  header.key = key;
  header.sum = SumOf(&header, offsetof(ImageHeader, sum));
}

void ImageWriter::AddWindows(size_t index, const LimiterWindows& windows) {
  if (bytes_.empty()) return;
  ImageWindows record = {};
  record.size = static_cast<uint16_t>(windows.size());
  record.kept_size = static_cast<uint16_t>(windows.kept_size());
  record.is_suspended = windows.size() > 0 && windows.cost_max() == 0;
  for (size_t i = 0; i < windows.kept_size(); ++i) {
    const RateWindow& from = windows.window(i);
    ImageWindow& to = record.windows[i];
    std::copy(from.name().begin(), from.name().end(), to.name);
    to.kind = static_cast<uint64_t>(from.kind());
    to.limit = from.limit();
    to.period_ms = from.period_ms();
    to.phase_ms = from.phase_ms();
  }
  record.sum = SumOf(&record, offsetof(ImageWindows, sum));
  char* const at =
      bytes_.data() + kImageRecordsAt + index * sizeof(ImageWindows);
  std::memcpy(at, &record, sizeof(record));
  ImageHeader& header = HeaderOf(bytes_);
  header.windows_size.store(index + 1);
  if (flush_ == nullptr) return;
  flush_({at, sizeof(record)});
  flush_(bytes_.subspan(0, sizeof(header)));
}

void ImageWriter::BeginAdd(size_t slot, uint64_t hash) {
  if (bytes_.empty()) return;
  ImageHeader& header = HeaderOf(bytes_);
  header.changing_member.store(MemberOf(slot, hash));
  header.changing_slot.store(slot + 1);
  header.members.fetch_add(MemberOf(slot, hash));
  header.accounts.fetch_add(1);
}

void ImageWriter::BeginRemove(size_t slot, uint64_t hash) {
  if (bytes_.empty()) return;
  ImageHeader& header = HeaderOf(bytes_);
  if (header.accounts_synced.load() > 0) header.accounts_synced.fetch_sub(1);
  header.changing_member.store(MemberOf(slot, hash));
  header.changing_slot.store(slot + 1);
}

void ImageWriter::EndAdd() {
  if (!bytes_.empty()) HeaderOf(bytes_).changing_slot.store(0);
}

void ImageWriter::EndRemove() {
  if (bytes_.empty()) return;
  ImageHeader& header = HeaderOf(bytes_);
  header.members.fetch_sub(header.changing_member.load());
  header.accounts.fetch_sub(1);
  header.changing_slot.store(0);
}

void ImageWriter::BeginReplace(size_t slot, WindowsTag windows,
                               const LimiterState& state) {
  if (bytes_.empty()) return;
  ImageHeader& header = HeaderOf(bytes_);
  header.replaced_slot.store(0);
  header.replaced_windows.store(windows);
  for (size_t i = 0; i < state.windows.size(); ++i) {
    header.replaced_words[i].store(state.windows[i].word);
  }
  header.replaced_slot.store(slot + 1);
}

void ImageWriter::EndReplace() {
  if (!bytes_.empty()) HeaderOf(bytes_).replaced_slot.store(0);
}

void ImageWriter::SetFreshSince(UnixNanos time) {
  if (bytes_.empty()) return;
  HeaderOf(bytes_).fresh_since.store(static_cast<uint64_t>(time.nanos()));
}

}  // namespace internal

size_t LimiterImage::BytesFor(size_t capacity) {
  return internal::ImageBytes(internal::LinesFor(capacity));
}

const ImageHeader& LimiterImage::header() const { return HeaderOf(bytes_); }

absl::Span<const ImageSlot> LimiterImage::slots() const {
  return {reinterpret_cast<const ImageSlot*>(bytes_.data() +
                                             internal::kImageSlotsAt),
          header().lines * internal::kSlotsPerLine};
}

absl::StatusOr<LimiterImage> LimiterImage::Read(absl::Span<const char> bytes,
                                                bool is_whole) {
  if (bytes.empty()) return Damaged("it is empty");
  const size_t magic = std::min(bytes.size(), sizeof(ImageHeader::magic));
  if (std::memcmp(bytes.data(), internal::kImageMagic, magic) != 0) {
    return absl::DataLossError(
        "is not a limits file of this version, or its beginning is damaged");
  }
  if (bytes.size() < internal::kImageSlotsAt) return Damaged("it is truncated");
  const ImageHeader& header = HeaderOf(bytes);
  if (header.version != internal::kImageVersion) {
    return absl::DataLossError(absl::StrCat("has version ", header.version,
                                            ", not ", internal::kImageVersion));
  }
  if (header.sum != internal::SumOf(&header, offsetof(ImageHeader, sum))) {
    return Damaged("its header");
  }
  if (header.lines == 0 || header.lines > internal::LinesFor(size_t{1} << 24) ||
      bytes.size() != internal::ImageBytes(header.lines)) {
    return Damaged("it is truncated");
  }
  const uint64_t seal = header.seal.load();
  if (seal != 0 && seal != SealOf(bytes)) {
    return Damaged("its bytes are not those that were written");
  }
  LimiterImage image(bytes, internal::AccountHash(header.key));
  absl::Status status = image.ReadWindows();
  if (status.ok()) {
    status = image.CheckSlots(is_whole || seal != 0);
  }
  if (!status.ok()) return status;
  return image;
}

absl::Status LimiterImage::ReadWindows() {
  const uint64_t size = header().windows_size.load();
  if (size > internal::kImageWindowsMax) return Damaged("its header");
  const auto* const records = reinterpret_cast<const ImageWindows*>(
      bytes_.data() + internal::kImageRecordsAt);
  for (uint64_t i = 0; i < size; ++i) {
    const absl::StatusOr<LimiterWindows> windows = WindowsOf(records[i]);
    if (!windows.ok()) return windows.status();
    windows_.push_back(*windows);
  }
  return absl::OkStatus();
}

absl::Status LimiterImage::CheckSlots(bool is_whole) {
  uint64_t members = 0;
  for (size_t slot = 0; slot < slots().size(); ++slot) {
    const ImageSlot& s = slots()[slot];
    if (s.hash <= 1) continue;  // empty, or passed
    members += internal::MemberOf(slot, s.hash);
    ++size_;
    if (s.windows != 0 && !InSlot(slot).has_value()) {
      return Damaged("an account's windows or state");
    }
  }
  if (!is_whole) {
    return size_ >= header().accounts_synced.load()
               ? absl::OkStatus()
               : Damaged("accounts are missing");
  }
  const uint64_t expected = header().members.load();
  if (members == expected) return absl::OkStatus();
  // The writer ended while an account came or went.
  if (header().changing_slot.load() != 0 &&
      members == expected - header().changing_member.load()) {
    return absl::OkStatus();
  }
  return Damaged("accounts are missing, or others than were written");
}

std::optional<LimiterImage::Account> LimiterImage::InSlot(size_t slot) const {
  const ImageSlot& s = slots()[slot];
  internal::WindowsTag tag = s.windows;
  LimiterState state = {{WindowState{s.words[0]}, WindowState{s.words[1]}}};
  if (state.windows[0] == WindowRule::kClosed) {
    // The writer ended while it replaced the windows.
    if (header().replaced_slot.load() != slot + 1) return std::nullopt;
    tag = header().replaced_windows.load();
    for (size_t i = 0; i < state.windows.size(); ++i) {
      state.windows[i].word = header().replaced_words[i].load();
    }
    if (state.windows[0] == WindowRule::kClosed) return std::nullopt;
  }
  if (state.windows[1] == WindowRule::kClosed) return std::nullopt;
  const size_t index = internal::IndexOf(tag);
  if (index == internal::kNoAccount || index >= windows_.size()) {
    return std::nullopt;
  }
  return Account{.windows = &windows_[index], .state = state};
}

std::optional<LimiterImage::Account> LimiterImage::Find(
    absl::string_view account) const {
  const uint64_t hash = internal::HashOf(hash_, account);
  std::optional<Account> found;
  const size_t lines = header().lines;
  size_t line = internal::LineOf(hash, lines);
  for (size_t passed = 0; passed < lines; ++passed) {
    bool ends = false;
    for (size_t i = 0; i < internal::kSlotsPerLine; ++i) {
      const size_t slot = line * internal::kSlotsPerLine + i;
      const uint64_t seen = slots()[slot].hash;
      ends = ends || seen == 0;
      if ((seen | kSharedBit) != (hash | kSharedBit)) continue;
      const std::optional<Account> there =
          slots()[slot].windows != 0 ? InSlot(slot) : std::nullopt;
      if (!there.has_value()) continue;
      if (!found.has_value()) {
        found = there;
        continue;
      }
      for (size_t w = 0; w < found->state.windows.size(); ++w) {
        found->state.windows[w].word = std::max(found->state.windows[w].word,
                                                there->state.windows[w].word);
      }
    }
    if (ends) break;
    line = line + 1 < lines ? line + 1 : 0;
  }
  return found;
}

UnixNanos LimiterImage::fresh_since() const {
  return UnixNanos::FromNanos(
      static_cast<int64_t>(header().fresh_since.load()));
}

absl::Span<char> LimiterImage::Owner(absl::Span<char> bytes) {
  return absl::MakeSpan(HeaderOf(bytes).owner);
}

size_t LimiterImage::Accounts(absl::Span<const char> bytes) {
  return HeaderOf(bytes).accounts.load();
}

void LimiterImage::NoteSynced(absl::Span<char> bytes, size_t accounts) {
  HeaderOf(bytes).accounts_synced.store(accounts);
}

void LimiterImage::Seal(absl::Span<char> bytes) {
  HeaderOf(bytes).seal.store(SealOf(bytes));
}

}  // namespace konpro

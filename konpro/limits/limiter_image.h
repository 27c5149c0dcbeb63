// A LimiterImage is what a LimiterRegistry had in memory that outlives its
// process, such as a mapped file: the windows and states of its accounts. It
// maps nothing and reads no file itself (serve/limits_file.h does).
//
//   std::vector<char> bytes(LimiterImage::BytesFor(1'000));
//   auto registry = *LimiterRegistry::Create(
//       {.capacity = 1'000, .memory = {.bytes = absl::MakeSpan(bytes)}});
//   registry->Insert("acct-1", pro.windows());
//   registry->TryAcquire("acct-1", 1, now);
//   ...                                 // the process ends, at any instruction
//   auto image = *LimiterImage::Read(bytes, /*is_whole=*/true);
//   image.Find("acct-1")->state         // all that was admitted
//
// It holds no account ids: an account is found by its keyed hash.
//
// Thread safety: LimiterImage is immutable; it refers to the bytes.
//
// Invariants: (1) whenever the writer's process ends, each account that was
// there is found in a state that the account had last. (2) Bytes that are no
// such image, or are damaged so that an account is lost, are an error.
//
// Limits: read by a machine of the same byte order. Accounts with a shared hash
// are taken to have used the same: the most of them.
#ifndef KONPRO_LIMITS_LIMITER_IMAGE_H_
#define KONPRO_LIMITS_LIMITER_IMAGE_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/limits/internal/account_hash.h"
#include "konpro/limits/internal/image_layout.h"
#include "konpro/limits/limiter_decision.h"

namespace konpro {

// Where a registry keeps its accounts.
struct LimiterMemory {
  // Zeros, at a multiple of a cache line; none: memory of the registry's own.
  absl::Span<char> bytes;
  // Called for a part before another refers to it; it returns once the part
  // would survive what the memory is to survive. None: it does at once.
  std::function<void(absl::Span<const char>)> flush = nullptr;
};

class LimiterImage {
 public:
  struct Account {
    const LimiterWindows* windows = nullptr;  // of the image
    LimiterState state;
  };

  // Of a registry with this capacity.
  static size_t BytesFor(size_t capacity);

  // `is_whole`: the bytes are all that the writer wrote, as memory is. Else, as
  // after a crash of the machine, parts of them may be older than others; all
  // are as of the last NoteSynced() at least. kDataLoss: they are damaged, or
  // of another version.
  static absl::StatusOr<LimiterImage> Read(absl::Span<const char> bytes,
                                           bool is_whole);

  // nullopt if the registry did not have the account, or it was dropped.
  std::optional<Account> Find(absl::string_view account) const;
  UnixNanos fresh_since() const;
  size_t size() const { return size_; }  // accounts

  // kImageOwnerBytes for the caller, which the registry leaves alone.
  static absl::Span<char> Owner(absl::Span<char> bytes);
  // Accounts that the registry has now.
  static size_t Accounts(absl::Span<const char> bytes);
  // All of what Accounts() was `accounts` is durable.
  static void NoteSynced(absl::Span<char> bytes, size_t accounts);
  // The writer ends in order: from here on any change of the bytes is damage.
  // REQUIRES: no call of the registry, now or later.
  static void Seal(absl::Span<char> bytes);

 private:
  LimiterImage(absl::Span<const char> bytes, const internal::AccountHash& hash)
      : bytes_(bytes), hash_(hash) {}

  const internal::ImageHeader& header() const;
  absl::Span<const internal::ImageSlot> slots() const;
  absl::Status ReadWindows();
  absl::Status CheckSlots(bool is_whole);
  std::optional<Account> InSlot(size_t slot) const;

  absl::Span<const char> bytes_;
  internal::AccountHash hash_;
  std::vector<LimiterWindows> windows_;
  size_t size_ = 0;
};

}  // namespace konpro

#endif  // KONPRO_LIMITS_LIMITER_IMAGE_H_

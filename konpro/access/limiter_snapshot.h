// The accounts of a LimiterRegistry as protobuf (proto/limiter.proto): kept
// over a restart, carried to another process, or into a larger registry.
//
//   HandOverLimiter(*registry, [&](const v1::LimiterSnapshot& part) {
//     WriteDelimited(part, file);            // yours; docs/formats.md
//   });
//   ...
//   for (const v1::LimiterSnapshot& part : parts) {
//     RestoreLimiter(part, *larger);         // the same decisions from here on
//   }
//
// A hand-over closes each account in the step that reads it: what is restored
// from it never hands out a permit a second time, whatever calls run meanwhile.
// A snapshot lets calls run on; it is for the case that the process ends
// without a hand-over, and then permits taken after it are forgotten: at most a
// limit of each window more is admitted. Stop calls first, or hand over, where
// that must not be.
//
// Thread safety: as LimiterRegistry; while `write` runs, its control plane
// waits.
//
// Limits: a part has at most kSnapshotPartAccounts accounts, so that no message
// is above 16 MiB.
#ifndef KONPRO_ACCESS_LIMITER_SNAPSHOT_H_
#define KONPRO_ACCESS_LIMITER_SNAPSHOT_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "konpro/limits/limiter_registry.h"
#include "proto/limiter.pb.h"

namespace konpro {

inline constexpr size_t kSnapshotPartAccounts = 65'536;

using SnapshotWriter = absl::FunctionRef<void(const v1::LimiterSnapshot&)>;

// Writes at least one part. REQUIRES: `write` calls no verb of the registry.
void SnapshotLimiter(LimiterRegistry& registry, SnapshotWriter write);

// The same for the last time: see LimiterRegistry::HandOver(), also for errors.
absl::Status HandOverLimiter(LimiterRegistry& registry, SnapshotWriter write);

// Adds a part's accounts. kDataLoss where the part is none that was written
// here, and nothing is added; else as LimiterRegistry::Restore(), and the
// accounts before the one that failed are there.
absl::Status RestoreLimiter(const v1::LimiterSnapshot& part,
                            LimiterRegistry& registry);

}  // namespace konpro

#endif  // KONPRO_ACCESS_LIMITER_SNAPSHOT_H_

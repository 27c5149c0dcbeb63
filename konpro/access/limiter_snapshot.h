// The accounts of a LimiterRegistry as protobuf (proto/limiter.proto): to keep
// them over a restart, or carry them to another process or a larger registry.
//
//   HandOverLimiter(*registry, [&](const v1::LimiterSnapshot& part) {
//     parts.push_back(part);                 // or write it: docs/formats.md
//   });
//   ...
//   for (const v1::LimiterSnapshot& part : parts) {
//     RestoreLimiter(part, *larger);         // decides as *registry did
//   }
//
// A hand-over closes each account in the step that reads it: what is restored
// from it never grants a permit a second time, whatever calls run meanwhile. A
// snapshot lets calls continue; it is for a process that ends without a
// hand-over. Permits taken after it are forgotten then: each window admits at
// most its limit again. Stop calls first, or hand over, if that must not
// happen.
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

// The same, and closes the accounts: see LimiterRegistry::HandOver(), also for
// errors.
absl::Status HandOverLimiter(LimiterRegistry& registry, SnapshotWriter write);

// Adds a part's accounts. kDataLoss: the part was not written by one of these,
// and nothing is added. Otherwise errors of LimiterRegistry::Restore(); the
// accounts before the one that failed are added.
absl::Status RestoreLimiter(const v1::LimiterSnapshot& part,
                            LimiterRegistry& registry);

}  // namespace konpro

#endif  // KONPRO_ACCESS_LIMITER_SNAPSHOT_H_

// What accounts' windows have used, in a file beside the database, so that a
// server that restarts does not admit a window's requests twice.
//
//   RestoreLimits("credits.db.limits", registry);  // OK if there is no file
//   SaveLimits(registry, "credits.db.limits");
//
// The file holds konpro.v1.LimiterSnapshot messages, each after its length
// (docs/formats.md). A save replaces the whole file.
//
// Thread safety: as LimiterRegistry; one save at a time.
#ifndef KONPRO_SERVE_LIMITS_FILE_H_
#define KONPRO_SERVE_LIMITS_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "konpro/limits/limiter_registry.h"

namespace konpro {

// kUnavailable: it cannot be written, and the previous file is unchanged.
absl::Status SaveLimits(LimiterRegistry& registry, const std::string& path);

// kDataLoss: the file is damaged (without it, all windows are fresh).
// kUnavailable: it cannot be read. Else as RestoreLimiter().
absl::Status RestoreLimits(const std::string& path, LimiterRegistry& registry);

}  // namespace konpro

#endif  // KONPRO_SERVE_LIMITS_FILE_H_

// What accounts' windows have used, in a file of its own beside the database:
// so that a server that is started again does not hand out a window twice.
//
//   RestoreLimits("credits.db.limits", registry);   // OK where there is no
//   file SaveLimits(registry, "credits.db.limits");
//
// The file is konpro.v1.LimiterSnapshot messages, each behind its length
// (docs/formats.md), and is replaced as a whole.
//
// Thread safety: as LimiterRegistry; one save at a time.
#ifndef KONPRO_SERVE_LIMITS_FILE_H_
#define KONPRO_SERVE_LIMITS_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "konpro/limits/limiter_registry.h"

namespace konpro {

// kUnavailable: it cannot be written; what was there before is there still.
absl::Status SaveLimits(LimiterRegistry& registry, const std::string& path);

// kDataLoss: the file is damaged; without it all windows are fresh. Else as
// RestoreLimiter().
absl::Status RestoreLimits(const std::string& path, LimiterRegistry& registry);

}  // namespace konpro

#endif  // KONPRO_SERVE_LIMITS_FILE_H_

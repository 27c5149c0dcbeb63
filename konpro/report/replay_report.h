// What a replay found out (estimate/replay.h), as messages and for people.
//
//   const std::vector<v1::Replay> reports =
//       ToReplayReports(replay, catalog, {.priced = true});
//   PrintReplays(reports, plans, replay.mode(), out);
//
// Thread safety: pure but for `out`; equal arguments give equal bytes.
#ifndef KONPRO_REPORT_REPLAY_REPORT_H_
#define KONPRO_REPORT_REPLAY_REPORT_H_

#include <cstdint>
#include <ostream>
#include <vector>

#include "absl/types/span.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/plan.h"
#include "konpro/estimate/replay.h"
#include "proto/report.pb.h"

namespace konpro {

// What the reader of a trace knows of it.
struct ReplayedTrace {
  // Whether it has quantities, so that what was admitted has a cost.
  bool priced = false;
  // Rows that were moved so that requests are in order of time.
  int64_t rows_out_of_order = 0;
};

// In the order of the plans.
std::vector<v1::Replay> ToReplayReports(const TraceReplay& replay,
                                        const Catalog& catalog,
                                        const ReplayedTrace& trace);

// Tables of plans and windows, and what is assumed. `reports` are of `plans`,
// in their order. REQUIRES: one or more.
void PrintReplays(absl::Span<const v1::Replay> reports,
                  absl::Span<const Plan* const> plans, ReplayMode mode,
                  std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_REPLAY_REPORT_H_

// The counts of a server in Prometheus's text format 0.0.4: answers by status,
// admissions by reason, jobs that ended, their cost and what of it was
// uncollected.
//
//   ServeMetrics metrics;            // as Admission::Options::observer
//   metrics.CountAnswer(200);
//   metrics.Text()
//   // konpro_http_answers_total{status="200"} 1
//
// Thread safety: thread-safe. Each count is exact; two counts may be read at
// different times.
#ifndef KONPRO_SERVE_METRICS_H_
#define KONPRO_SERVE_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "konpro/access/admission_result.h"

namespace konpro {

class ServeMetrics : public AdmissionObserver {
 public:
  void OnAdmitted(const AdmissionResult& admission) override;
  void OnRefused(const AdmissionResult& admission) override;
  void OnSettled(const Settlement& settlement) override;
  // REQUIRES: 0 <= status < 600.
  void CountAnswer(int status);
  // The outcome of a write to the store that failed, or that succeeded after
  // one that failed.
  void NoteStore(bool is_ok);
  void NoteLimits(bool is_ok);  // whether the limits file could be written

  std::string Text() const;

 private:
  static constexpr size_t kStatuses = 600;

  // Atomic. Relaxed: no count orders another.
  std::array<std::atomic<uint64_t>, kStatuses> answers_{};
  std::array<std::atomic<uint64_t>, kAdmissionReasons> admissions_{};
  std::atomic<uint64_t> completed_{0};
  std::atomic<uint64_t> cancelled_{0};
  std::atomic<uint64_t> charged_ticks_{0};
  std::atomic<uint64_t> uncollected_ticks_{0};
  std::atomic<uint64_t> store_failures_{0};
  std::atomic<bool> is_store_ok_{true};
  std::atomic<bool> is_limits_ok_{true};
};

}  // namespace konpro

#endif  // KONPRO_SERVE_METRICS_H_

#include "konpro/serve/metrics.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace konpro {
namespace {

void AppendHead(absl::string_view name, absl::string_view help,
                std::string& out) {
  absl::StrAppend(&out, "# HELP ", name, " ", help, "\n# TYPE ", name,
                  " counter\n");
}

void AppendGauge(absl::string_view name, absl::string_view help,
                 const std::atomic<bool>& value, std::string& out) {
  absl::StrAppend(&out, "# HELP ", name, " ", help, "\n# TYPE ", name,
                  " gauge\n", name, " ",
                  value.load(std::memory_order_relaxed) ? 1 : 0, "\n");
}

uint64_t Load(const std::atomic<uint64_t>& count) {
  return count.load(std::memory_order_relaxed);
}

void Count(std::atomic<uint64_t>& count, uint64_t by = 1) {
  count.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace

void ServeMetrics::OnAdmitted(const AdmissionResult& admission) {
  Count(admissions_[static_cast<size_t>(admission.reason)]);
}

void ServeMetrics::OnRefused(const AdmissionResult& admission) {
  Count(admissions_[static_cast<size_t>(admission.reason)]);
}

void ServeMetrics::OnSettled(const Settlement& settlement) {
  if (settlement.replayed) return;
  Count(settlement.is_cancelled ? cancelled_ : completed_);
  Count(charged_ticks_, static_cast<uint64_t>(settlement.charged.ticks()));
  Count(uncollected_ticks_,
        static_cast<uint64_t>(settlement.uncollected.ticks()));
}

void ServeMetrics::CountAnswer(int status) {
  Count(answers_[static_cast<size_t>(status)]);
}

void ServeMetrics::NoteStore(bool is_ok) {
  if (!is_ok) Count(store_failures_);
  is_store_ok_.store(is_ok, std::memory_order_relaxed);
}

void ServeMetrics::NoteLimits(bool is_ok) {
  is_limits_ok_.store(is_ok, std::memory_order_relaxed);
}

std::string ServeMetrics::Text() const {
  std::string out;
  AppendHead("konpro_http_answers_total", "Answers, by status.", out);
  for (size_t status = 0; status < kStatuses; ++status) {
    const uint64_t count = Load(answers_[status]);
    if (count == 0) continue;
    absl::StrAppend(&out, "konpro_http_answers_total{status=\"", status, "\"} ",
                    count, "\n");
  }
  AppendHead("konpro_admissions_total", "Admissions, by reason.", out);
  for (size_t i = 0; i < kAdmissionReasons; ++i) {
    absl::StrAppend(&out, "konpro_admissions_total{reason=\"",
                    AdmissionReasonName(static_cast<AdmissionReason>(i)),
                    "\"} ", Load(admissions_[i]), "\n");
  }
  AppendHead("konpro_jobs_total", "Jobs that ended, completed or cancelled.",
             out);
  absl::StrAppend(&out, "konpro_jobs_total{end=\"completed\"} ",
                  Load(completed_), "\nkonpro_jobs_total{end=\"cancelled\"} ",
                  Load(cancelled_), "\n");
  AppendHead("konpro_charged_ticks_total",
             "Charges of jobs; 6000000 ticks are a credit.", out);
  absl::StrAppend(&out, "konpro_charged_ticks_total ", Load(charged_ticks_),
                  "\n");
  AppendHead("konpro_uncollected_ticks_total",
             "Used by jobs, and neither held nor available; 6000000 ticks are "
             "a credit.",
             out);
  absl::StrAppend(&out, "konpro_uncollected_ticks_total ",
                  Load(uncollected_ticks_), "\n");
  AppendHead("konpro_store_failures_total", "Writes to the store that failed.",
             out);
  absl::StrAppend(&out, "konpro_store_failures_total ", Load(store_failures_),
                  "\n");
  AppendGauge("konpro_store_ok", "Whether the last write succeeded.",
              is_store_ok_, out);
  AppendGauge("konpro_limits_ok",
              "Whether the limits file was written in the last second.",
              is_limits_ok_, out);
  return out;
}

}  // namespace konpro

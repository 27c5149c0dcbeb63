#include "konpro/serve/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "konpro/access/admission_result.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/credits.h"

namespace konpro {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

AdmissionResult Of(AdmissionReason reason) {
  AdmissionResult admission{
      Authentication(ApiKeyVerdict::kMissing, nullptr, ApiKeyId(), 0)};
  admission.reason = reason;
  return admission;
}

TEST(ServeMetrics, AnswersAreCountedByStatus) {
  ServeMetrics metrics;
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("answers_total{")));
  metrics.CountAnswer(200);
  metrics.CountAnswer(200);
  metrics.CountAnswer(599);
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("\nkonpro_http_answers_total{status=\"200\"} 2\n"
                              "konpro_http_answers_total{status=\"599\"} 1\n"));
}

TEST(ServeMetrics, AdmissionsAreCountedByReason) {
  ServeMetrics metrics;
  metrics.OnAdmitted(Of(AdmissionReason::kAdmitted));
  metrics.OnRefused(Of(AdmissionReason::kRateLimited));
  metrics.OnRefused(Of(AdmissionReason::kRateLimited));
  metrics.OnRefused(Of(AdmissionReason::kUnavailable));
  const std::string text = metrics.Text();
  for (size_t i = 0; i < kAdmissionReasons; ++i) {
    const auto reason = static_cast<AdmissionReason>(i);
    const int count = reason == AdmissionReason::kRateLimited   ? 2
                      : reason == AdmissionReason::kAdmitted    ? 1
                      : reason == AdmissionReason::kUnavailable ? 1
                                                                : 0;
    EXPECT_THAT(text, HasSubstr(absl::StrCat(
                          "\nkonpro_admissions_total{reason=\"",
                          AdmissionReasonName(reason), "\"} ", count, "\n")));
  }
}

TEST(ServeMetrics, JobsThatEndedAreCountedOnce) {
  ServeMetrics metrics;
  Settlement completed;
  completed.charged = *Credits::Parse("2.5");
  completed.uncollected = *Credits::Parse("1.5");
  metrics.OnSettled(completed);
  metrics.OnSettled(completed);
  Settlement cancelled;
  cancelled.is_cancelled = true;
  metrics.OnSettled(cancelled);
  completed.replayed = true;
  metrics.OnSettled(completed);
  EXPECT_THAT(metrics.Text(),
              HasSubstr("\nkonpro_jobs_total{end=\"completed\"} 2\n"
                        "konpro_jobs_total{end=\"cancelled\"} 1\n"));
  EXPECT_THAT(metrics.Text(), HasSubstr("\nkonpro_charged_ticks_total "
                                        "30000000\n"));
  EXPECT_THAT(metrics.Text(), HasSubstr("\nkonpro_uncollected_ticks_total "
                                        "18000000\n"));
}

TEST(ServeMetrics, EveryMetricHasHelpAndType) {
  const std::string text = ServeMetrics().Text();
  for (const char* name :
       {"konpro_http_answers_total", "konpro_admissions_total",
        "konpro_jobs_total", "konpro_charged_ticks_total",
        "konpro_uncollected_ticks_total"}) {
    EXPECT_THAT(text, HasSubstr(absl::StrCat("# HELP ", name, " ")));
    EXPECT_THAT(text, HasSubstr(absl::StrCat("# TYPE ", name, " counter\n")));
  }
}

TEST(ServeMetrics, NoCountIsLostBetweenThreads) {
  ServeMetrics metrics;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1'000; ++j) metrics.CountAnswer(200);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(metrics.Text(), HasSubstr("{status=\"200\"} 4000\n"));
}

}  // namespace
}  // namespace konpro

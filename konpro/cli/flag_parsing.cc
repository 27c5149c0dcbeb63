#include "konpro/cli/flag_parsing.h"

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"

namespace konpro::cli {

void AddFormat(CLI::App& command, ReportFormat& format,
               const std::map<std::string, ReportFormat>& names) {
  std::vector<std::string> texts;
  for (const auto& [name, unused] : names) texts.push_back(name);
  command
      .add_option_function<std::string>(
          "--format",
          [&format, names](const std::string& name) {
            format = names.at(name);
          },
          "how the report is printed (default: table)")
      ->type_name(absl::StrJoin(texts, "|"))
      ->check(CLI::IsMember(texts).description(""));
}

void AddClockTolerance(CLI::App& command,
                       std::optional<absl::Duration>& tolerance) {
  command
      .add_option_function<std::string>(
          kClockToleranceOption,
          [&tolerance](const std::string& text) {
            absl::Duration time;
            if (!absl::ParseDuration(text, &time) ||
                time < absl::ZeroDuration() || time > kClockToleranceMax) {
              throw CLI::ValidationError(kClockToleranceOption,
                                         "not a time of 0 to 24h such as 5m");
            }
            tolerance = time;
          },
          absl::StrCat("how far a time may be ahead of the clock, to count as "
                       "now (default: ",
                       AheadText(kClockTolerance), ")"))
      ->type_name("TIME");
}

void AddCatalog(CLI::App& command, std::string& catalog) {
  command
      .add_option("--catalog", catalog,
                  "a catalog file in place of the built-in catalog")
      ->type_name("FILE");
}

Credits ParseCredits(const char* name, const std::string& text) {
  const absl::StatusOr<Credits> parsed = Credits::Parse(text);
  if (!parsed.ok()) {
    throw CLI::ValidationError(name, std::string(parsed.status().message()));
  }
  if (*parsed < Credits()) {
    throw CLI::ValidationError(name, "is zero or more, not " + text);
  }
  return *parsed;
}

void AddCredits(CLI::App& command, const char* name,
                std::optional<Credits>& credits, const char* help) {
  command
      .add_option_function<std::string>(
          name,
          [name, &credits](const std::string& text) {
            credits = ParseCredits(name, text);
          },
          help)
      ->type_name("CREDITS");
}

absl::Time ParseTime(const char* name, const std::string& text) {
  const absl::StatusOr<absl::Time> time = internal::ParseRfc3339(text);
  if (!time.ok()) {
    throw CLI::ValidationError(name, std::string(time.status().message()));
  }
  return *time;
}

absl::Duration ParseTimeSpan(const char* name, absl::string_view text) {
  const absl::StatusOr<int64_t> ms =
      ParseQuantity(text, QuantityUnit::kMilliseconds);
  if (!ms.ok()) {
    throw CLI::ValidationError(name, std::string(ms.status().message()));
  }
  return absl::Milliseconds(*ms);
}

Percent ParsePercent(const char* name, const std::string& text) {
  const absl::StatusOr<Percent> percent = Percent::Parse(text);
  if (!percent.ok()) {
    throw CLI::ValidationError(name, std::string(percent.status().message()));
  }
  return *percent;
}

}  // namespace konpro::cli

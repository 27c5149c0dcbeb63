#include "konpro/cli/flag_parsing.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "konpro/base/clock_tolerance.h"
#include "konpro/base/internal/name.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/operation.h"

namespace konpro::cli {
namespace {

// The names in the machine's time zone database, in order; none if it is
// elsewhere.
std::vector<std::string> KnownZones() {
  const std::filesystem::path root = "/usr/share/zoneinfo";
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(root, error), end;
       !error && it != end; it.increment(error)) {
    const std::string name = it->path().lexically_relative(root).string();
    // Not "posix/", "right/", "zone.tab" and the like.
    if (!absl::ascii_isupper(static_cast<unsigned char>(name[0]))) {
      it.disable_recursion_pending();
    } else if (!it->is_directory(error)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

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

void AddZone(CLI::App& command, absl::TimeZone& zone, const char* help) {
  command
      .add_option_function<std::string>(
          "--zone",
          [&zone](const std::string& text) {
            zone = ParseZone("--zone", text);
          },
          help)
      ->type_name("NAME");
}

void AddCatalog(CLI::App& command, std::string& catalog) {
  command
      .add_option("--catalog", catalog,
                  "a catalog file in place of the built-in catalog")
      ->type_name("FILE");
}

absl::TimeZone ParseZone(const char* name, const std::string& text) {
  absl::TimeZone zone;
  if (absl::LoadTimeZone(text, &zone)) return zone;
  const std::vector<std::string> known = KnownZones();
  const absl::string_view nearest = internal::NearestName(
      text, std::vector<absl::string_view>(known.begin(), known.end()));
  throw CLI::ValidationError(
      name, absl::StrCat(internal::Quoted(text), " is not a time zone such as ",
                         nearest.empty() ? "Europe/Berlin" : nearest));
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

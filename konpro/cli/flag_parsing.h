// Options that several commands have, and values of options.
//
// Functions that parse throw CLI::ValidationError for a text that is none.
#ifndef KONPRO_CLI_FLAG_PARSING_H_
#define KONPRO_CLI_FLAG_PARSING_H_

#include <map>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/credits.h"
#include "konpro/report/comparison_report.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {

// --format, one of `names`.
void AddFormat(CLI::App& command, ReportFormat& format,
               const std::map<std::string, ReportFormat>& names);

// --clock-tolerance.
void AddClockTolerance(CLI::App& command,
                       std::optional<absl::Duration>& tolerance);

// --zone.
void AddZone(CLI::App& command, absl::TimeZone& zone, const char* help);

// --catalog.
void AddCatalog(CLI::App& command, std::string& catalog);

// An option of credits, zero or more.
void AddCredits(CLI::App& command, const char* name,
                std::optional<Credits>& credits, const char* help);

// Zero or more.
Credits ParseCredits(const char* name, const std::string& text);
absl::Time ParseTime(const char* name, const std::string& text);
absl::TimeZone ParseZone(const char* name, const std::string& text);
// In the forms of ParseQuantity(), zero or more.
absl::Duration ParseTimeSpan(const char* name, absl::string_view text);
Percent ParsePercent(const char* name, const std::string& text);

}  // namespace konpro::cli

#endif  // KONPRO_CLI_FLAG_PARSING_H_

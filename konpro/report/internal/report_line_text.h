// What a line of a report says in words, the same in every form of the report.
//
//   QuantityText(line)      // "3h12m30s", "12 image"
//
// Thread safety: all functions are pure.
#ifndef KONPRO_REPORT_INTERNAL_REPORT_LINE_TEXT_H_
#define KONPRO_REPORT_INTERNAL_REPORT_LINE_TEXT_H_

#include <string>

#include "proto/report.pb.h"

namespace konpro {

// "3h12m30s", "12 image".
std::string QuantityText(const v1::ReportLine& line);

// How a line's cost comes about, in figures that a reader can check by hand.
// REQUIRES: the line has an explanation.
std::string ExplanationText(const v1::ReportLine& line);

}  // namespace konpro

#endif  // KONPRO_REPORT_INTERNAL_REPORT_LINE_TEXT_H_

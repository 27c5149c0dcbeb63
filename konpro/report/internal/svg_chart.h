// Charts as SVG that stands inside an HTML page: bars, a range, and lines over
// an axis with bands. They draw what they are given; what it means, and the
// style sheet for their classes, is html_page.h.
//
//   BarChart({.id = "cost", .title = "Cost", .description = "pro 12, scale 9",
//             .width = 340},
//            NumberAxis("credits", 0, 12, /*ticks_max=*/4),
//            {{.label = "pro", .value = "12", .length = 12},
//             {.label = "scale", .value = "9", .length = 9}},
//            /*markers=*/{})
//   // "<svg ... role=\"img\" aria-labelledby=\"cost-t cost-d\"> ... </svg>"
//
// Thread safety: all functions are pure; equal arguments give equal bytes.
//
// Invariants: (1) Every text is escaped. (2) Nothing is drawn outside of the
// frame's width, whatever the values. (3) Values appear as the texts that the
// caller gives: positions are floating point, to a tenth of a pixel, and are
// never shown as figures, but for the round ones of an axis.
//
// Limits: finite positions; texts are cut to the width that they have.
#ifndef KONPRO_REPORT_INTERNAL_SVG_CHART_H_
#define KONPRO_REPORT_INTERNAL_SVG_CHART_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace konpro {

// `text` to stand in HTML or SVG, between tags or in a quoted attribute.
// Control characters but the line feed become U+FFFD.
std::string EscapeHtml(absl::string_view text);

// What something is drawn as: the name of its class in the style sheet.
enum class ChartTone { kAccent, kMuted, kGood, kWarning, kBad };
absl::string_view ChartToneClass(ChartTone tone);

struct ChartFrame {
  // Of the elements that title and description are found by; once in a page.
  std::string id;
  // For screen readers.
  std::string title;
  std::string description;
  // Of the view box, in pixels; texts are made for it to be shown as wide.
  int width = 0;
};

struct ChartTick {
  double at = 0;
  std::string label;
};

// A straight scale from `low` to `high`, which is above it.
struct ChartAxis {
  std::string title;
  double low = 0;
  double high = 1;
  std::vector<ChartTick> ticks;
};

// At most `ticks_max` + 1 ticks at multiples of 1, 2 or 5 times a power of ten.
// `high` moves up to a tick; `low` moves down to one.
// REQUIRES: low <= high; ticks_max >= 2.
ChartAxis NumberAxis(std::string title, double low, double high, int ticks_max);

// From 0 to `length` in seconds, with ticks such as "15 min" or "2 d".
// REQUIRES: length is finite and not negative; ticks_max >= 1.
ChartAxis ElapsedAxis(std::string title, absl::Duration length, int ticks_max);

// In days from `first`, which is 0, to the begin of `end`, with ticks at
// "2026-03-16". REQUIRES: first < end; ticks_max >= 1.
ChartAxis DayAxis(std::string title, absl::CivilDay first, absl::CivilDay end,
                  int ticks_max);

// A line across a chart, at a value of an axis.
struct ChartMarker {
  std::string label;
  double at = 0;
  ChartTone tone = ChartTone::kMuted;
};

struct ChartBar {
  std::string label;
  // The text of its length.
  std::string value;
  // Not below zero; 0 draws no bar.
  double length = 0;
  ChartTone tone = ChartTone::kAccent;
};

// Bars below each other, each under its label and its value, over an axis that
// begins at zero.
std::string BarChart(const ChartFrame& frame, const ChartAxis& axis,
                     absl::Span<const ChartBar> bars,
                     absl::Span<const ChartMarker> markers);

struct ChartQuantile {
  std::string label;
  // The text of where it is.
  std::string value;
  double at = 0;
};

// One interval and a point in it.
struct ChartRange {
  ChartQuantile low;
  ChartQuantile middle;
  ChartQuantile high;
};

std::string RangeChart(const ChartFrame& frame, const ChartAxis& axis,
                       const ChartRange& range,
                       absl::Span<const ChartMarker> markers);

struct ChartPoint {
  double x = 0;
  double y = 0;
};

struct ChartSeries {
  enum class Form { kLine, kDashes, kDots };
  // "" keeps it out of the legend.
  std::string label;
  std::vector<ChartPoint> points;
  Form form = Form::kLine;
  ChartTone tone = ChartTone::kAccent;
};

// The area between two lines.
struct ChartBand {
  std::string label;
  std::vector<ChartPoint> low;
  std::vector<ChartPoint> high;
};

struct LineChartContent {
  std::vector<ChartBand> bands;
  std::vector<ChartSeries> series;
  // At values of the x axis.
  std::vector<ChartMarker> markers;
};

// Bands, and lines over them, with a legend.
std::string LineChart(const ChartFrame& frame, const ChartAxis& x,
                      const ChartAxis& y, const LineChartContent& content);

}  // namespace konpro

#endif  // KONPRO_REPORT_INTERNAL_SVG_CHART_H_

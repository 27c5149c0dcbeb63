// Charts as SVG that stands inside an HTML page: bars, a range, and lines over
// an axis with bands. They draw what they are given; what it means, and the
// style sheet for their classes, is html_report.h.
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
#ifndef KONPRO_REPORT_SVG_CHART_H_
#define KONPRO_REPORT_SVG_CHART_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace konpro::cli {

// `text` to stand in HTML or SVG, between tags or in a quoted attribute.
// Control characters but the line feed become U+FFFD.
std::string EscapeHtml(absl::string_view text);

// What something is drawn as: the name of its class in the style sheet.
enum class Tone { kAccent, kMuted, kGood, kWarning, kBad };
absl::string_view ToneClass(Tone tone);

struct ChartFrame {
  // Of the elements that title and description are found by; once in a page.
  std::string id;
  // For those who hear the page.
  std::string title;
  std::string description;
  // Of the view box, in pixels; texts are made for it to be shown as wide.
  int width = 0;
};

struct Tick {
  double at = 0;
  std::string label;
};

// A straight scale from `low` to `high`, which is above it.
struct Axis {
  std::string title;
  double low = 0;
  double high = 1;
  std::vector<Tick> ticks;
};

// At most `ticks_max` + 1 ticks at multiples of 1, 2 or 5 times a power of ten.
// `high` moves up to a tick; `low` moves down to one.
// REQUIRES: low <= high; ticks_max >= 2.
Axis NumberAxis(std::string title, double low, double high, int ticks_max);

// From 0 to `length` in seconds, with ticks such as "15 min" or "2 d".
// REQUIRES: length is finite and not negative; ticks_max >= 1.
Axis ElapsedAxis(std::string title, absl::Duration length, int ticks_max);

// In days from `first`, which is 0, to the begin of `end`, with ticks at
// "2026-03-16". REQUIRES: first < end; ticks_max >= 1.
Axis DayAxis(std::string title, absl::CivilDay first, absl::CivilDay end,
             int ticks_max);

// A line across a chart, at a value of an axis.
struct Marker {
  std::string label;
  double at = 0;
  Tone tone = Tone::kMuted;
};

struct Bar {
  std::string label;
  // The text of its length.
  std::string value;
  // Not below zero; 0 draws no bar.
  double length = 0;
  Tone tone = Tone::kAccent;
};

// Bars below each other, each under its label and its value, over an axis that
// begins at zero.
std::string BarChart(const ChartFrame& frame, const Axis& axis,
                     absl::Span<const Bar> bars,
                     absl::Span<const Marker> markers);

struct Quantile {
  std::string label;
  // The text of where it is.
  std::string value;
  double at = 0;
};

// One interval and a point in it.
struct Range {
  Quantile low;
  Quantile middle;
  Quantile high;
};

std::string RangeChart(const ChartFrame& frame, const Axis& axis,
                       const Range& range, absl::Span<const Marker> markers);

struct Point {
  double x = 0;
  double y = 0;
};

struct Series {
  enum class Form { kLine, kDashes, kDots };
  // "" keeps it out of the legend.
  std::string label;
  std::vector<Point> points;
  Form form = Form::kLine;
  Tone tone = Tone::kAccent;
};

// The area between two lines.
struct Band {
  std::string label;
  std::vector<Point> low;
  std::vector<Point> high;
};

struct LineChartContent {
  std::vector<Band> bands;
  std::vector<Series> series;
  // At values of the x axis.
  std::vector<Marker> markers;
};

// Bands, and lines over them, with a legend.
std::string LineChart(const ChartFrame& frame, const Axis& x, const Axis& y,
                      const LineChartContent& content);

}  // namespace konpro::cli

#endif  // KONPRO_REPORT_SVG_CHART_H_

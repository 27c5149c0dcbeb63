#include "konpro/report/internal/svg_chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace konpro {
namespace {

// Texts are 12 pixels high. No font is known when a page is written: this is
// what a character of such a text takes on average, a little more than it does
// in the fonts that systems have.
constexpr double kCharacter = 6.8;
constexpr double kBoldCharacter = 7.9;
constexpr double kLine = 18;

// "12.5", "3": to a tenth of a pixel.
std::string Px(double value) {
  const double tenths = std::round(value * 10);
  if (std::fmod(tenths, 10) == 0) {
    return absl::StrCat(static_cast<int64_t>(tenths / 10));
  }
  return absl::StrFormat("%.1f", tenths / 10);
}

// How many characters, taking each UTF-8 sequence as one.
size_t Characters(absl::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

double TextWidth(absl::string_view text, double character = kCharacter) {
  return static_cast<double>(Characters(text)) * character;
}

// `text`, or as much of it as `width` holds and an ellipsis.
std::string Cut(absl::string_view text, double width,
                double character = kCharacter) {
  const auto fits = static_cast<size_t>(std::max(1.0, width / character));
  if (Characters(text) <= fits) return std::string(text);
  size_t characters = 0;
  size_t end = 0;
  for (; end < text.size(); ++end) {
    if ((text[end] & 0xC0) == 0x80) continue;
    if (++characters == fits) break;
  }
  return absl::StrCat(text.substr(0, end), "\u2026");
}

// An axis laid over pixels.
class Scale {
 public:
  Scale(const ChartAxis& axis, double from, double to)
      : low_(axis.low), span_(axis.high - axis.low), from_(from), to_(to) {}

  // What lies outside the axis lies at its end.
  double operator()(double value) const {
    const double share = std::clamp((value - low_) / span_, 0.0, 1.0);
    return from_ + share * (to_ - from_);
  }

 private:
  double low_;
  double span_;
  double from_;
  double to_;
};

class Svg {
 public:
  Svg(const ChartFrame& frame, double height) {
    const std::string id = EscapeHtml(frame.id);
    absl::StrAppend(&text_, "<svg viewBox=\"0 0 ", frame.width, " ", Px(height),
                    "\" role=\"img\" aria-labelledby=\"", id, "-t ", id,
                    "-d\">\n<title id=\"", id, "-t\">", EscapeHtml(frame.title),
                    "</title>\n<desc id=\"", id, "-d\">",
                    EscapeHtml(frame.description), "</desc>\n");
  }

  void Line(const std::string& css_class, ChartPoint a, ChartPoint b) {
    absl::StrAppend(&text_, "<line class=\"", css_class, "\" x1=\"", Px(a.x),
                    "\" y1=\"", Px(a.y), "\" x2=\"", Px(b.x), "\" y2=\"",
                    Px(b.y), "\"/>\n");
  }

  void Rect(const std::string& css_class, ChartPoint corner, double width,
            double height) {
    absl::StrAppend(&text_, "<rect class=\"", css_class, "\" x=\"",
                    Px(corner.x), "\" y=\"", Px(corner.y), "\" width=\"",
                    Px(width), "\" height=\"", Px(height), "\" rx=\"2\"/>\n");
  }

  void Dot(const std::string& css_class, ChartPoint center) {
    absl::StrAppend(&text_, "<circle class=\"", css_class, "\" cx=\"",
                    Px(center.x), "\" cy=\"", Px(center.y), "\" r=\"3\"/>\n");
  }

  // `element`: "polyline" or "polygon".
  void Poly(const char* element, const std::string& css_class,
            const std::vector<ChartPoint>& points) {
    absl::StrAppend(&text_, "<", element, " class=\"", css_class,
                    "\" points=\"");
    const char* separator = "";
    for (const ChartPoint& point : points) {
      absl::StrAppend(&text_, separator, Px(point.x), ",", Px(point.y));
      separator = " ";
    }
    absl::StrAppend(&text_, "\"/>\n");
  }

  // `anchor`: "start", "middle" or "end".
  void Text(const std::string& css_class, ChartPoint at, const char* anchor,
            absl::string_view text) {
    absl::StrAppend(&text_, "<text class=\"", css_class, "\" x=\"", Px(at.x),
                    "\" y=\"", Px(at.y), "\" text-anchor=\"", anchor, "\">",
                    EscapeHtml(text), "</text>\n");
  }

  std::string Finish() && { return std::move(text_) + "</svg>\n"; }

 private:
  std::string text_;
};

std::string With(const char* css_class, ChartTone tone) {
  return absl::StrCat(css_class, " ", ChartToneClass(tone));
}

// The ticks of a horizontal axis whose line is at `y`, its grid up to `top`,
// and its title below.
void DrawXAxis(Svg& svg, const ChartAxis& axis, const Scale& scale, double top,
               double y, int width) {
  double free_from = 0;
  for (const ChartTick& tick : axis.ticks) {
    const double x = scale(tick.at);
    svg.Line("grid", {x, top}, {x, y});
    const double half = TextWidth(tick.label) / 2;
    const double center = std::clamp(x, half, std::max(half, width - half));
    // One label must not run into the next.
    if (center - half < free_from) continue;
    free_from = center + half + kCharacter;
    svg.Text("tick", {center, y + kLine - 2}, "middle", tick.label);
  }
  svg.Line("axis", {scale(axis.low), y}, {scale(axis.high), y});
  svg.Text("axis-title", {width / 2.0, y + 2 * kLine - 2}, "middle",
           Cut(axis.title, width));
}

// Vertical lines with a label on a line of its own each, from `top` down. A
// label stands where there is more room; the outer ones come first, so that a
// label meets no line of another but one that it is as long as to reach.
void DrawMarkers(Svg& svg, absl::Span<const ChartMarker> markers,
                 const Scale& scale, double top, double bottom, int width) {
  const double middle = width / 2.0;
  std::vector<const ChartMarker*> rows;
  for (const ChartMarker& marker : markers) rows.push_back(&marker);
  const auto before = [&](const ChartMarker* a, const ChartMarker* b) {
    const double x_a = scale(a->at), x_b = scale(b->at);
    if ((x_a > middle) != (x_b > middle)) return x_a > middle;
    return x_a > middle ? x_a > x_b : x_a < x_b;
  };
  std::stable_sort(rows.begin(), rows.end(), before);
  const auto row = [&](size_t i) {
    return top + kLine * static_cast<double>(i);
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    const double x = scale(rows[i]->at);
    svg.Line(With("marker", rows[i]->tone), {x, row(i) + 2}, {x, bottom});
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const double x = scale(rows[i]->at);
    const bool left = x > middle;
    svg.Text(With("marker-label", rows[i]->tone),
             {left ? x - 4 : x + 4, row(i) + 12}, left ? "end" : "start",
             Cut(rows[i]->label, left ? x - 4 : width - x - 4, kBoldCharacter));
  }
}

// The space that the labels of markers take.
double MarkerSpace(absl::Span<const ChartMarker> markers) {
  return kLine * static_cast<double>(markers.size());
}

// Where the labels of three quantiles stand: as near to them as they do not run
// into each other, or out of the width.
std::array<double, 3> LabelCenters(const ChartQuantile* const quantiles[3],
                                   const Scale& scale, double width) {
  std::array<double, 3> half;
  for (size_t i = 0; i < 3; ++i) {
    half[i] =
        std::min(width / 3, TextWidth(quantiles[i]->value, kBoldCharacter)) / 2;
  }
  const double gap =
      std::min(kCharacter * 2, (width - 2 * (half[0] + half[1] + half[2])) / 2);
  const double to_left = half[0] + gap + half[1];
  const double to_right = half[1] + gap + half[2];
  const double middle =
      std::clamp(scale(quantiles[1]->at), half[0] + to_left,
                 std::max(half[0] + to_left, width - half[2] - to_right));
  return {std::clamp(scale(quantiles[0]->at), half[0], middle - to_left),
          middle,
          std::clamp(scale(quantiles[2]->at), middle + to_right,
                     std::max(middle + to_right, width - half[2]))};
}

std::string CompactNumber(double value) {
  const std::pair<double, const char*> kUnits[] = {
      {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}};
  for (const auto& [unit, name] : kUnits) {
    if (std::abs(value) < unit) continue;
    return absl::StrFormat("%g%s", value / (unit == 1e4 ? 1e3 : unit), name);
  }
  return absl::StrFormat("%g", value);
}

// 1, 2 or 5 times a power of ten, so that `span` has at most `ticks_max`.
double RoundStep(double span, int ticks_max) {
  const double raw = span / ticks_max;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    // A step that misses by a rounding of the division is the step.
    if (factor * power >= raw * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string EscapeHtml(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) {
          escaped += "\uFFFD";
        } else {
          escaped += c;
        }
    }
  }
  return escaped;
}

absl::string_view ChartToneClass(ChartTone tone) {
  switch (tone) {
    case ChartTone::kAccent:
      return "accent";
    case ChartTone::kMuted:
      return "muted";
    case ChartTone::kGood:
      return "good";
    case ChartTone::kWarning:
      return "warning";
    case ChartTone::kBad:
      return "bad";
  }
  return "";
}

ChartAxis NumberAxis(std::string title, double low, double high,
                     int ticks_max) {
  if (high - low <= 0) high = low + 1;
  const double step = RoundStep(high - low, ticks_max - 1);
  const double first = std::floor(low / step);
  const double last = std::ceil(high / step * (1 - 1e-12));
  ChartAxis axis = {std::move(title), first * step, last * step, {}};
  for (double i = first; i <= last; ++i) {
    axis.ticks.push_back({i * step, CompactNumber(i * step)});
  }
  return axis;
}

ChartAxis ElapsedAxis(std::string title, absl::Duration length, int ticks_max) {
  struct Step {
    double seconds;
    double unit;
    const char* name;
  };
  constexpr double kMinute = 60, kHour = 3600, kDay = 86400;
  constexpr Step kSteps[] = {
      {1, 1, "s"},
      {2, 1, "s"},
      {5, 1, "s"},
      {10, 1, "s"},
      {30, 1, "s"},
      {kMinute, kMinute, "min"},
      {2 * kMinute, kMinute, "min"},
      {5 * kMinute, kMinute, "min"},
      {10 * kMinute, kMinute, "min"},
      {30 * kMinute, kMinute, "min"},
      {kHour, kHour, "h"},
      {2 * kHour, kHour, "h"},
      {6 * kHour, kHour, "h"},
      {12 * kHour, kHour, "h"},
      {kDay, kDay, "d"},
      {2 * kDay, kDay, "d"},
  };
  const double seconds = std::max(1.0, absl::ToDoubleSeconds(length));
  Step step = {kDay * RoundStep(seconds / kDay, ticks_max), kDay, "d"};
  for (const Step& known : kSteps) {
    if (known.seconds * ticks_max < seconds) continue;
    step = known;
    break;
  }
  ChartAxis axis = {std::move(title), 0, seconds, {}};
  for (double at = 0; at <= seconds; at += step.seconds) {
    axis.ticks.push_back({at, at == 0
                                  ? "0"
                                  : absl::StrCat(CompactNumber(at / step.unit),
                                                 " ", step.name)});
  }
  return axis;
}

ChartAxis DayAxis(std::string title, absl::CivilDay first, absl::CivilDay end,
                  int ticks_max) {
  const auto days = static_cast<int>(end - first);
  int step = 1;
  for (const int known : {1, 2, 7, 14, 28, 56, 91, 182, 364, 728}) {
    step = known;
    if (step * ticks_max >= days) break;
  }
  ChartAxis axis = {std::move(title), 0, static_cast<double>(days), {}};
  for (int day = 0; day < days; day += step) {
    axis.ticks.push_back(
        {static_cast<double>(day), absl::FormatCivilTime(first + day)});
  }
  return axis;
}

std::string BarChart(const ChartFrame& frame, const ChartAxis& axis,
                     absl::Span<const ChartBar> bars,
                     absl::Span<const ChartMarker> markers) {
  constexpr double kRow = 40;
  const double top = MarkerSpace(markers);
  const double bottom = top + kRow * static_cast<double>(bars.size()) + 4;
  Svg svg(frame, bottom + 2 * kLine + 4);
  const Scale scale(axis, 1, frame.width - 1);
  DrawXAxis(svg, axis, scale, top, bottom, frame.width);
  const auto row = [&](size_t i) {
    return top + kRow * static_cast<double>(i);
  };
  for (size_t i = 0; i < bars.size(); ++i) {
    if (bars[i].length <= 0) continue;
    // What is there at all can be seen.
    svg.Rect(With("bar", bars[i].tone), {1, row(i) + 22},
             std::max(1.5, scale(bars[i].length) - 1), 12);
  }
  DrawMarkers(svg, markers, scale, 0, bottom, frame.width);
  for (size_t i = 0; i < bars.size(); ++i) {
    const double y = row(i) + 16;
    const double value_width = TextWidth(bars[i].value, kBoldCharacter);
    svg.Text("label", {1, y}, "start",
             Cut(bars[i].label, frame.width - value_width - 12));
    svg.Text("value", {frame.width - 1.0, y}, "end", bars[i].value);
  }
  return std::move(svg).Finish();
}

std::string RangeChart(const ChartFrame& frame, const ChartAxis& axis,
                       const ChartRange& range,
                       absl::Span<const ChartMarker> markers) {
  const double top = MarkerSpace(markers);
  const double bar_top = top + 56;
  const double bottom = bar_top + 30;
  const double width = frame.width;
  Svg svg(frame, bottom + 2 * kLine + 4);
  const Scale scale(axis, 1, width - 1);
  DrawXAxis(svg, axis, scale, bar_top - 4, bottom, frame.width);
  const double low = scale(range.low.at);
  const double high = scale(range.high.at);
  svg.Rect("bar soft", {low, bar_top}, std::max(2.0, high - low), 20);
  DrawMarkers(svg, markers, scale, 0, bottom, frame.width);
  const ChartQuantile* const quantiles[] = {&range.low, &range.middle,
                                            &range.high};
  const std::array<double, 3> centers = LabelCenters(quantiles, scale, width);
  for (size_t i = 0; i < 3; ++i) {
    const ChartQuantile& quantile = *quantiles[i];
    const double at = scale(quantile.at);
    svg.Poly("polyline", "leader", {{centers[i], top + 42}, {at, bar_top - 4}});
    svg.Line("quantile", {at, bar_top - 4}, {at, bar_top + 24});
    svg.Text("tick", {centers[i], top + 18}, "middle", quantile.label);
    svg.Text("value", {centers[i], top + 36}, "middle",
             Cut(quantile.value, width / 3, kBoldCharacter));
  }
  return std::move(svg).Finish();
}

namespace {

// The legend's lines, from `y` down; returns where it ends.
double DrawLegend(Svg* svg, const LineChartContent& content, double y,
                  int width) {
  double x = 0;
  const auto entry = [&](const std::string& label, auto&& draw_swatch) {
    if (label.empty()) return;
    const double needed = 28 + TextWidth(label) + 12;
    if (x > 0 && x + needed > width) {
      x = 0;
      y += kLine;
    }
    if (svg != nullptr) {
      draw_swatch(ChartPoint{x, y + 8});
      svg->Text("tick", {x + 26, y + 12}, "start", Cut(label, width - x - 26));
    }
    x += needed;
  };
  for (const ChartSeries& series : content.series) {
    entry(series.label, [&](ChartPoint at) {
      if (series.form == ChartSeries::Form::kDots) {
        return svg->Dot(With("dot", series.tone), {at.x + 10, at.y});
      }
      svg->Poly("polyline",
                With(series.form == ChartSeries::Form::kDashes ? "line dashes"
                                                               : "line",
                     series.tone),
                {at, {at.x + 20, at.y}});
    });
  }
  for (const ChartBand& band : content.bands) {
    entry(band.label, [&](ChartPoint at) {
      svg->Rect("band", {at.x, at.y - 5}, 20, 10);
    });
  }
  return x > 0 ? y + kLine : y;
}

void DrawSeries(Svg& svg, const ChartSeries& series, const Scale& x,
                const Scale& y) {
  std::vector<ChartPoint> points;
  for (const ChartPoint& point : series.points) {
    points.push_back({x(point.x), y(point.y)});
  }
  if (series.form == ChartSeries::Form::kDots) {
    for (const ChartPoint& point : points) {
      svg.Dot(With("dot", series.tone), point);
    }
    return;
  }
  svg.Poly(
      "polyline",
      With(series.form == ChartSeries::Form::kDashes ? "line dashes" : "line",
           series.tone),
      points);
}

}  // namespace

std::string LineChart(const ChartFrame& frame, const ChartAxis& x,
                      const ChartAxis& y, const LineChartContent& content) {
  const double title_y = DrawLegend(nullptr, content, 0, frame.width) + 4;
  const double top = title_y + kLine + 6 + MarkerSpace(content.markers);
  const double plot_height = frame.width > 500 ? 220 : 170;
  const double bottom = top + plot_height;
  Svg svg(frame, bottom + 2 * kLine + 4);
  DrawLegend(&svg, content, 0, frame.width);
  double left = 0;
  for (const ChartTick& tick : y.ticks) {
    left = std::max(left, TextWidth(tick.label) + 8);
  }
  const Scale x_scale(x, left, frame.width - 4);
  const Scale y_scale(y, bottom, top);
  svg.Text("axis-title", {0, title_y + 12}, "start", Cut(y.title, frame.width));
  for (const ChartTick& tick : y.ticks) {
    const double at = y_scale(tick.at);
    svg.Line("grid", {left, at}, {frame.width - 4.0, at});
    svg.Text("tick", {left - 6, at + 4}, "end", tick.label);
  }
  for (const ChartBand& band : content.bands) {
    std::vector<ChartPoint> outline;
    for (const ChartPoint& p : band.high)
      outline.push_back({x_scale(p.x), y_scale(p.y)});
    for (auto p = band.low.rbegin(); p != band.low.rend(); ++p) {
      outline.push_back({x_scale(p->x), y_scale(p->y)});
    }
    svg.Poly("polygon", "band", outline);
  }
  DrawXAxis(svg, x, x_scale, bottom + 4, bottom, frame.width);
  DrawMarkers(svg, content.markers, x_scale, title_y + kLine, bottom,
              frame.width);
  for (const ChartSeries& series : content.series) {
    DrawSeries(svg, series, x_scale, y_scale);
  }
  return std::move(svg).Finish();
}

}  // namespace konpro

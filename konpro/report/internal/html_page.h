// A page of HTML that is one file: no script, no network, no font of its own.
// It is readable in light and dark, on a phone and on paper. This is how a page
// looks; what is said on it is estimate_report.h and forecast_report.h.
//
//   HtmlPage page("konpro estimate: 12 credits", out);
//   page.Header("estimate of jobs.csv", "12", "credits", "3 requests");
//   page.Verdicts({{"within the budget of 20", ChartTone::kGood}});
//   page.Section("Cost per operation");
//   page.Chart([](absl::string_view suffix, int width) {
//     return BarChart({.id = absl::StrCat("cost", suffix), .width = width},
//     ...);
//   });
//   page.Print(table);
//   page.Finish();
//
// Thread safety: thread-compatible.
//
// Invariants: (1) Every text is escaped; what is drawn comes from svg_chart.h,
// which escapes too. (2) The page's own policy refuses scripts, images, frames
// and every address, so that a text that got through could still do nothing.
#ifndef KONPRO_REPORT_INTERNAL_HTML_PAGE_H_
#define KONPRO_REPORT_INTERNAL_HTML_PAGE_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/report/internal/svg_chart.h"
#include "konpro/report/internal/table.h"

namespace konpro {

class HtmlPage {
 public:
  // Something short that is good or bad news, or a mark of something.
  struct Verdict {
    std::string text;
    ChartTone tone = ChartTone::kMuted;
  };

  // A name and what it is.
  struct Fact {
    std::string name;
    std::string text;
  };

  struct Card {
    std::string title;
    std::vector<Verdict> verdicts;
    std::vector<Fact> facts;
    // A chart of kNarrow; "" for none.
    std::string chart;
  };

  // What a chart is drawn as wide as, on a screen and on a phone.
  static constexpr int kWide = 720;
  static constexpr int kNarrow = 340;

  // Begins the page. `out` must outlive it.
  HtmlPage(absl::string_view title, std::ostream& out);

  HtmlPage(const HtmlPage&) = delete;
  HtmlPage& operator=(const HtmlPage&) = delete;

  // The one figure that the page is about, and what stands around it.
  void Header(absl::string_view overline, absl::string_view figure,
              absl::string_view unit, absl::string_view lead);
  void Verdicts(absl::Span<const Verdict> verdicts);

  // Begins a section, and ends the one before.
  void Section(absl::string_view heading);
  void Paragraph(absl::string_view text);
  // Smaller: how to read what stands above.
  void Caption(absl::string_view text);
  void List(absl::Span<const std::string> items);
  void Facts(absl::Span<const Fact> facts);
  void Cards(absl::Span<const Card> cards);
  void Print(const ReportTable& table);

  // Draws a chart for kWide and for kNarrow, of which one is shown; its id must
  // end in `suffix`.
  void Chart(
      absl::FunctionRef<std::string(absl::string_view suffix, int width)> draw);

  void Finish();

 private:
  std::ostream& out_;
  bool in_section_ = false;
};

}  // namespace konpro

#endif  // KONPRO_REPORT_INTERNAL_HTML_PAGE_H_

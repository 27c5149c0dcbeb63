#include "konpro/report/internal/html_page.h"

namespace konpro {
namespace {

// Colours of text have a contrast of 4.5 or more on their ground, in each of
// the schemes. Paper is always light.
constexpr char kStyle[] = R"css(
:root {
  color-scheme: light dark;
  --ground: #fcfbf9; --card: #ffffff; --ink: #1d2329; --quiet: #59636e;
  --rule: #dedad3; --accent: #2458a6; --soft: #b9cdea; --band: #d6e2f3;
  --good: #1c6e46; --warning: #8a5a00; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1b1f23; --ink: #e9e6e1; --quiet: #a3abb4;
    --rule: #33393f; --accent: #8ab4f2; --soft: #3b557c; --band: #2a3a52;
    --good: #6fcf9f; --warning: #e3b45c; --bad: #ff9188;
  }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --card: #ffffff; --ink: #000000; --quiet: #4a525a;
    --rule: #c9c5be; --accent: #2458a6; --soft: #b9cdea; --band: #d6e2f3;
    --good: #1c6e46; --warning: #8a5a00; --bad: #b3261e;
  }
}
@page { margin: 16mm; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums lining-nums;
  overflow-wrap: anywhere;
}
main { max-width: 752px; margin: 0 auto; padding: 40px 16px 64px; }
p, ul, h1, h2, h3, dl, figure { margin: 0; }
.overline { color: var(--quiet); font-size: 14px; }
h1 { display: flex; flex-wrap: wrap; align-items: baseline; column-gap: 10px;
  font-size: 20px; font-weight: 400; line-height: 1.2; margin: 6px 0 6px; }
h1 b { font-size: 48px; font-weight: 600; letter-spacing: -0.02em; }
.lead { color: var(--quiet); }
.verdicts {
  display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0 0; padding: 0;
  list-style: none;
}
.verdicts li {
  border: 1px solid currentColor; border-radius: 6px; padding: 2px 10px;
  font-size: 14px; font-weight: 600;
}
section { border-top: 1px solid var(--rule); margin-top: 36px; padding-top: 20px; }
h2 { font-size: 18px; font-weight: 600; margin-bottom: 14px; }
h3 { font-size: 16px; font-weight: 600; }
section p, section ul { max-width: 66ch; }
section p + p { margin-top: 8px; }
section .caption { color: var(--quiet); font-size: 13px; margin: 10px 0 0;
  max-width: 80ch; }
section ul.notes { padding-left: 18px; }
.notes li { margin: 4px 0; }
figure { margin: 0 0 16px; }
p + figure, .cards + figure { margin-top: 20px; }
.right + td, .right + th { padding-left: 12px; }
.scroll { overflow-x: auto; margin-top: 12px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 12px 6px 0; vertical-align: top;
  overflow-wrap: normal; }
th:last-child, td:last-child { padding-right: 0; }
th { color: var(--quiet); font-weight: 500; font-size: 13px; }
td { border-top: 1px solid var(--rule); }
.right { text-align: right; }
tfoot td { border-top: 2px solid var(--ink); font-weight: 600; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px;
  font-size: 14px; }
dt { color: var(--quiet); }
dd { margin: 0; }
.cards { columns: 2 300px; column-gap: 16px; margin-top: 16px; }
.card { background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; padding: 14px 12px; margin-bottom: 16px;
  break-inside: avoid; }
.card:only-child { column-span: all; }
.card .verdicts { margin: 8px 0 0; gap: 6px; }
.card .verdicts li { font-size: 13px; padding: 0 8px; }
.card dl { margin-top: 10px; }
.card figure { margin: 14px 0 0; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
.narrow { display: none; }
.card figure svg, .narrow svg { max-width: 420px; }
text { font-size: 12px; fill: var(--ink); font-variant-numeric: tabular-nums; }
.tick, .axis-title { fill: var(--quiet); }
.value { font-weight: 600; }
.label, .value { paint-order: stroke; stroke: var(--ground);
  stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--quiet); stroke-width: 1; }
.leader { stroke: var(--quiet); stroke-width: 1; fill: none; }
.quantile { stroke: var(--accent); stroke-width: 2; }
.marker { stroke: currentColor; stroke-width: 1.5; stroke-dasharray: 4 3; }
.marker-label { fill: currentColor; font-weight: 600; paint-order: stroke;
  stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
.bar, .dot { fill: currentColor; }
.bar.soft { fill: var(--soft); }
.line { stroke: currentColor; stroke-width: 2; fill: none;
  stroke-linejoin: round; }
.dashes { stroke-dasharray: 5 4; }
.band { fill: var(--band); }
.accent { color: var(--accent); }
.muted { color: var(--quiet); }
.good { color: var(--good); }
.warning { color: var(--warning); }
.bad { color: var(--bad); }
footer { margin-top: 40px; color: var(--quiet); font-size: 13px; }
@media (max-width: 600px) {
  main { padding: 24px 16px 40px; }
  h1 b { font-size: 40px; }
  th, td { padding-right: 8px; }
  .right + td, .right + th { padding-left: 4px; }
  .wide { display: none; }
  .narrow { display: block; }
}
@media print {
  main { max-width: none; padding: 0; }
  body { font-size: 11pt; }
  .wide { display: block; }
  .narrow { display: none; }
  .scroll { overflow: visible; }
  figure, .card, tr, h1, .verdicts { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  svg, .bar, .band, .dot { print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }
}
)css";

}  // namespace

HtmlPage::HtmlPage(absl::string_view title, std::ostream& out) : out_(out) {
  out_ << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
          "'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action "
          "'none'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, "
          "initial-scale=1\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n<title>"
       << EscapeHtml(title) << "</title>\n<style>" << kStyle
       << "</style>\n</head>\n<body>\n<main>\n";
}

void HtmlPage::Header(absl::string_view overline, absl::string_view figure,
                      absl::string_view unit, absl::string_view lead) {
  out_ << "<header>\n<p class=\"overline\">" << EscapeHtml(overline)
       << "</p>\n<h1><b>" << EscapeHtml(figure) << "</b> <span>"
       << EscapeHtml(unit) << "</span></h1>\n<p class=\"lead\">"
       << EscapeHtml(lead) << "</p>\n</header>\n";
}

void HtmlPage::Verdicts(absl::Span<const Verdict> verdicts) {
  if (verdicts.empty()) return;
  out_ << "<ul class=\"verdicts\">\n";
  for (const auto& [text, tone] : verdicts) {
    out_ << "<li class=\"" << ChartToneClass(tone) << "\">" << EscapeHtml(text)
         << "</li>\n";
  }
  out_ << "</ul>\n";
}

void HtmlPage::Section(absl::string_view heading) {
  if (in_section_) out_ << "</section>\n";
  in_section_ = true;
  out_ << "<section>\n<h2>" << EscapeHtml(heading) << "</h2>\n";
}

void HtmlPage::Paragraph(absl::string_view text) {
  out_ << "<p>" << EscapeHtml(text) << "</p>\n";
}

void HtmlPage::Caption(absl::string_view text) {
  out_ << "<p class=\"caption\">" << EscapeHtml(text) << "</p>\n";
}

void HtmlPage::List(absl::Span<const std::string> items) {
  if (items.empty()) return;
  out_ << "<ul class=\"notes\">\n";
  for (const std::string& item : items) {
    out_ << "<li>" << EscapeHtml(item) << "</li>\n";
  }
  out_ << "</ul>\n";
}

void HtmlPage::Facts(absl::Span<const Fact> facts) {
  out_ << "<dl>\n";
  for (const auto& [name, text] : facts) {
    out_ << "<dt>" << EscapeHtml(name) << "</dt><dd>" << EscapeHtml(text)
         << "</dd>\n";
  }
  out_ << "</dl>\n";
}

void HtmlPage::Cards(absl::Span<const Card> cards) {
  out_ << "<div class=\"cards\">\n";
  for (const Card& card : cards) {
    out_ << "<div class=\"card\">\n<h3>" << EscapeHtml(card.title) << "</h3>\n";
    Verdicts(card.verdicts);
    Facts(card.facts);
    if (!card.chart.empty()) {
      out_ << "<figure>\n" << card.chart << "</figure>\n";
    }
    out_ << "</div>\n";
  }
  out_ << "</div>\n";
}

void HtmlPage::Print(const ReportTable& table) {
  out_ << "<div class=\"scroll\">\n";
  table.PrintHtml(out_);
  out_ << "</div>\n";
}

void HtmlPage::Chart(
    absl::FunctionRef<std::string(absl::string_view suffix, int width)> draw) {
  out_ << "<figure>\n<div class=\"wide\">\n"
       << draw("-wide", kWide) << "</div>\n<div class=\"narrow\">\n"
       << draw("-narrow", kNarrow) << "</div>\n</figure>\n";
}

void HtmlPage::Finish() {
  if (in_section_) out_ << "</section>\n";
  out_ << "</main>\n</body>\n</html>\n";
}

}  // namespace konpro

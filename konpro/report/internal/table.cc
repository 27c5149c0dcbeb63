#include "konpro/report/internal/table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "konpro/report/internal/svg_chart.h"

namespace konpro {
namespace {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Categories Mn, Me and Cf of the scripts that people write names in.
constexpr CodePointRange kCombining[] = {
    {0x300, 0x36F},    {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},
    {0x64B, 0x65F},    {0x900, 0x902},   {0x93C, 0x93C},   {0x941, 0x948},
    {0x94D, 0x94D},    {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},
    {0x1AB0, 0x1AFF},  {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x2060, 0x2064},
    {0x20D0, 0x20FF},  {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF},
    {0xE0100, 0xE01EF}};

// East_Asian_Width W and F.
constexpr CodePointRange kWide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x4DBF},
    {0x4E00, 0xA4CF},   {0xA960, 0xA97C},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},
    {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

template <size_t kSize>
bool IsIn(const CodePointRange (&ranges)[kSize], char32_t c) {
  return std::any_of(
      std::begin(ranges), std::end(ranges),
      [c](CodePointRange r) { return c >= r.first && c <= r.last; });
}

// The first character of `text`: its bytes and its columns.
struct Glyph {
  size_t bytes = 1;
  size_t columns = 1;
};

Glyph FirstGlyph(absl::string_view text) {
  const auto byte = [&](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const size_t bytes = byte(0) >= 0xF0   ? 4
                       : byte(0) >= 0xE0 ? 3
                       : byte(0) >= 0xC0 ? 2
                                         : 1;
  if (bytes == 1 || bytes > text.size()) return {};
  char32_t c = byte(0) & (0xFFu >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    c = c << 6 | (byte(i) & 0x3Fu);
  }
  return {bytes, IsIn(kCombining, c) ? 0u : IsIn(kWide, c) ? 2u : 1u};
}

std::string Padded(const std::string& text, size_t width, ColumnAlign align) {
  const std::string blanks(width - std::min(width, DisplayWidth(text)), ' ');
  return align == ColumnAlign::kLeft ? text + blanks : blanks + text;
}

// How well a line can end after text[i]: after a list's comma, else after a
// blank, else within a name; 0 if it cannot.
int PauseAt(absl::string_view text, size_t i, ColumnAlign align) {
  if (text[i] == ' ') return i > 0 && text[i - 1] == ',' ? 3 : 2;
  const bool is_within = absl::string_view(",_-").find(text[i]) != text.npos;
  return align == ColumnAlign::kLeft && is_within ? 1 : 0;
}

// `text` in lines of at most `width` columns, broken at the last of the best
// pauses, and nowhere within a character.
std::vector<std::string> Lines(absl::string_view text, size_t width,
                               ColumnAlign align) {
  std::vector<std::string> lines;
  while (DisplayWidth(text) > width) {
    size_t end = 0;
    size_t columns = 0;
    size_t cut = 0;
    int best = 0;
    for (;;) {
      const Glyph glyph = FirstGlyph(text.substr(end));
      if (columns + glyph.columns > width && end > 0) break;
      columns += glyph.columns;
      end += glyph.bytes;
      const int pause = PauseAt(text, end - 1, align);
      if (pause > 0 && pause >= best) {
        best = pause;
        cut = end;
      }
    }
    if (best == 0) cut = end;
    const absl::string_view line = text.substr(0, cut);
    lines.emplace_back(line.substr(0, line.find_last_not_of(' ') + 1));
    text.remove_prefix(cut);
  }
  lines.emplace_back(text);
  return lines;
}

// `text` as a spreadsheet shows it, and does not run it as a formula: with a '
// before it, also if it begins with one, so that a reader may drop the first.
std::string WithoutFormula(std::string text) {
  // The last four are =, +, - and @ in their full width.
  for (absl::string_view begin :
       {"=", "+", "-", "@", "'", "\t", "\r", "\n", "\xEF\xBC\x9D",
        "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"}) {
    if (absl::StartsWith(text, begin)) return "'" + text;
  }
  return text;
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return "\"" + absl::StrReplaceAll(text, {{"\"", "\"\""}}) + "\"";
}

}  // namespace

size_t DisplayWidth(absl::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const Glyph glyph = FirstGlyph(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes);
  }
  return columns;
}

size_t ReportTable::NarrowestWidth(size_t column) const {
  size_t width = kNarrowest;
  if (columns_[column].is_whole) {
    for (const auto& row : rows_) {
      width = std::max(width, DisplayWidth(row[column]));
    }
    return width;
  }
  if (columns_[column].align == ColumnAlign::kLeft) return width;
  for (const auto& row : rows_) {
    for (absl::string_view word : absl::StrSplit(row[column], ' ')) {
      width = std::max(width, DisplayWidth(word));
    }
  }
  return width;
}

std::vector<size_t> ReportTable::TextWidths() const {
  std::vector<size_t> widths;
  std::vector<size_t> narrowest;
  size_t sum = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = DisplayWidth(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    widths.push_back(width);
    narrowest.push_back(NarrowestWidth(i));
    sum += width + (i > 0 ? 2 : 0);
  }
  while (sum > kTextColumnsMax) {
    size_t widest = columns_.size();
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (widths[i] > narrowest[i] &&
          (widest == columns_.size() || widths[i] > widths[widest])) {
        widest = i;
      }
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --sum;
  }
  return widths;
}

void ReportTable::PrintText(std::ostream& out) const {
  const std::vector<size_t> widths = TextWidths();
  const auto print = [&](auto&& text_of) {
    std::vector<std::vector<std::string>> cells;
    size_t height = 0;
    for (size_t i = 0; i < columns_.size(); ++i) {
      cells.push_back(Lines(text_of(i), widths[i], columns_[i].align));
      height = std::max(height, cells.back().size());
    }
    for (size_t n = 0; n < height; ++n) {
      std::string line;
      for (size_t i = 0; i < columns_.size(); ++i) {
        if (i > 0) line += "  ";
        line += Padded(n < cells[i].size() ? cells[i][n] : "", widths[i],
                       columns_[i].align);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out << line << "\n";
    }
  };
  const auto rule = [&](size_t i) { return std::string(widths[i], '-'); };
  print([&](size_t i) { return columns_[i].title; });
  print(rule);
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (has_total_ && r + 1 == rows_.size()) print(rule);
    print([&](size_t i) { return rows_[r][i]; });
  }
}

void ReportTable::PrintMarkdown(std::ostream& out) const {
  const auto print = [&](auto&& text_of) {
    out << "|";
    for (size_t i = 0; i < columns_.size(); ++i) {
      out << " " << absl::StrReplaceAll(text_of(i), {{"|", "\\|"}}) << " |";
    }
    out << "\n";
  };
  print([&](size_t i) { return columns_[i].title; });
  out << "|";
  for (const Column& column : columns_) {
    out << (column.align == ColumnAlign::kLeft ? " --- |" : " ---: |");
  }
  out << "\n";
  for (size_t r = 0; r < rows_.size(); ++r) {
    const bool bold = has_total_ && r + 1 == rows_.size();
    print([&](size_t i) {
      const std::string& text = rows_[r][i];
      return bold && !text.empty() ? "**" + text + "**" : text;
    });
  }
}

void ReportTable::PrintCsv(std::ostream& out) const {
  const auto print = [&](auto&& text_of) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = text_of(i);
      out << (i > 0 ? "," : "")
          << CsvCell(columns_[i].align == ColumnAlign::kLeft
                         ? WithoutFormula(text)
                         : text);
    }
    out << "\n";
  };
  print([&](size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) print([&](size_t i) { return row[i]; });
}

void ReportTable::PrintHtml(std::ostream& out) const {
  const auto print = [&](const char* tag, auto&& text_of) {
    out << "<tr>";
    for (size_t i = 0; i < columns_.size(); ++i) {
      out << "<" << tag
          << (columns_[i].align == ColumnAlign::kRight ? " class=\"right\">"
                                                       : ">")
          << absl::StrReplaceAll(EscapeHtml(text_of(i)), {{"_", "_<wbr>"}})
          << "</" << tag << ">";
    }
    out << "</tr>\n";
  };
  out << "<table>\n<thead>\n";
  print("th", [&](size_t i) { return columns_[i].title; });
  out << "</thead>\n<tbody>\n";
  for (size_t r = 0; r < rows_.size(); ++r) {
    const bool total = has_total_ && r + 1 == rows_.size();
    if (total) out << "</tbody>\n<tfoot>\n";
    print("td", [&](size_t i) { return rows_[r][i]; });
  }
  out << (has_total_ ? "</tfoot>" : "</tbody>") << "\n</table>\n";
}

}  // namespace konpro

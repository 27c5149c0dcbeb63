#include "konpro/cli/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_replace.h"
#include "konpro/cli/svg_chart.h"

namespace konpro::cli {
namespace {

std::string Padded(const std::string& text, size_t width, Align align) {
  const std::string blanks(width - std::min(width, text.size()), ' ');
  return align == Align::kLeft ? text + blanks : blanks + text;
}

std::string CsvCell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return "\"" + absl::StrReplaceAll(text, {{"\"", "\"\""}}) + "\"";
}

}  // namespace

void Table::PrintText(std::ostream& out) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_[i].title.size();
    for (const auto& row : rows_) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  const auto print = [&](auto&& text_of) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line += "  ";
      line += Padded(text_of(i), widths[i], columns_[i].align);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  };
  const auto rule = [&](size_t i) { return std::string(widths[i], '-'); };
  print([&](size_t i) { return columns_[i].title; });
  print(rule);
  for (size_t r = 0; r < rows_.size(); ++r) {
    if (has_total_ && r + 1 == rows_.size()) print(rule);
    print([&](size_t i) { return rows_[r][i]; });
  }
}

void Table::PrintMarkdown(std::ostream& out) const {
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
    out << (column.align == Align::kLeft ? " --- |" : " ---: |");
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

void Table::PrintCsv(std::ostream& out) const {
  const auto print = [&](auto&& text_of) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      out << (i > 0 ? "," : "") << CsvCell(text_of(i));
    }
    out << "\n";
  };
  print([&](size_t i) { return columns_[i].title; });
  for (const auto& row : rows_) print([&](size_t i) { return row[i]; });
}

void Table::PrintHtml(std::ostream& out) const {
  const auto print = [&](const char* tag, auto&& text_of) {
    out << "<tr>";
    for (size_t i = 0; i < columns_.size(); ++i) {
      out << "<" << tag
          << (columns_[i].align == Align::kRight ? " class=\"right\">" : ">")
          << EscapeHtml(text_of(i)) << "</" << tag << ">";
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

}  // namespace konpro::cli

// Rows of texts as an aligned table, as Markdown or as CSV.
//
//   ReportTable table({{"plan"}, {"credits", ColumnAlign::kRight}});
//   table.AddRow({"pro", "12"});
//   table.PrintMarkdown(out);
//
// Thread safety: thread-compatible.
#ifndef KONPRO_REPORT_INTERNAL_TABLE_H_
#define KONPRO_REPORT_INTERNAL_TABLE_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace konpro {

enum class ColumnAlign { kLeft, kRight };

// Columns of a terminal that UTF-8 `text` takes: two for East Asian wide
// characters and emoji, none for combining marks (Unicode UAX #11), one for
// all others and for a byte that is no UTF-8.
size_t DisplayWidth(absl::string_view text);

class ReportTable {
 public:
  // Of a terminal.
  static constexpr size_t kTextColumnsMax = 80;

  struct Column {
    std::string title;
    ColumnAlign align = ColumnAlign::kLeft;
    // Whether its cells are never broken: ids, which people copy.
    bool is_whole = false;
  };

  explicit ReportTable(std::vector<Column> columns)
      : columns_(std::move(columns)) {}

  // REQUIRES: as many cells as columns.
  void AddRow(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
  }

  // The last row is set off by a rule.
  void AddTotal(std::vector<std::string> cells) {
    has_total_ = true;
    AddRow(std::move(cells));
  }

  // Columns two blanks apart, no blanks at the end of a line. If that is
  // wider than kTextColumnsMax, the widest cells are broken into lines: those
  // that are aligned right, which hold figures, at blanks alone.
  void PrintText(std::ostream& out) const;
  void PrintMarkdown(std::ostream& out) const;
  // RFC 4180, with line feeds.
  // In a column with kLeft, which is of texts, a text that a spreadsheet could
  // run as a formula has a ' before it, as has one that begins with '.
  void PrintCsv(std::ostream& out) const;
  // A table element; the total is its foot, and names may wrap after a "_".
  void PrintHtml(std::ostream& out) const;

 private:
  // To which a column is narrowed at most.
  static constexpr size_t kNarrowest = 12;

  size_t NarrowestWidth(size_t column) const;
  // Of the columns, as PrintText() has them.
  std::vector<size_t> TextWidths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  bool has_total_ = false;
};

}  // namespace konpro

#endif  // KONPRO_REPORT_INTERNAL_TABLE_H_

// Rows of texts as an aligned table, as Markdown or as CSV.
#ifndef KONPRO_CLI_TABLE_H_
#define KONPRO_CLI_TABLE_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace konpro::cli {

enum class Align { kLeft, kRight };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: as many cells as columns.
  void AddRow(std::vector<std::string> cells) {
    rows_.push_back(std::move(cells));
  }

  // The last row is set off by a rule.
  void AddTotal(std::vector<std::string> cells) {
    has_total_ = true;
    AddRow(std::move(cells));
  }

  // Columns two blanks apart, no blanks at the end of a line.
  void PrintText(std::ostream& out) const;
  void PrintMarkdown(std::ostream& out) const;
  // RFC 4180, with line feeds.
  void PrintCsv(std::ostream& out) const;
  // A table element; the total is its foot.
  void PrintHtml(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  bool has_total_ = false;
};

}  // namespace konpro::cli

#endif  // KONPRO_CLI_TABLE_H_

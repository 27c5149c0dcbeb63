#include "konpro/input/internal/csv.h"

#include <csv.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "konpro/input/internal/line_reader.h"

namespace konpro {
namespace {

// libcsv says what the cells are but not where they stand, and it does not keep
// a cell's bytes beyond the callback. So it is fed line by line: between two
// rows, the text since the last one is known to be the next one's.
class Parser {
 public:
  Parser(InputErrors& errors, absl::FunctionRef<bool(const CsvRow&)> row)
      : errors_(errors), row_(row) {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
  }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // False if an error was added and nothing more can be read, or if no
  // more rows are wanted.
  bool Feed(int64_t line_number, absl::string_view line) {
    if (open_) {
      open_text_.append(line.data(), line.size());
      text_ = open_text_;
    } else {
      line_ = line_number;
      text_ = line;
    }
    if (text_.size() > kCsvRowBytesMax) {
      errors_.Add(line_, 1, TooLong());
      return false;
    }
    if (!open_ && !IsNoJson(line_number, line)) return false;
    ended_ = false;
    const size_t taken =
        csv_parse(&parser_, line.data(), line.size(), &OnCell, &OnRow, this);
    if (taken != line.size()) {
      errors_.Add(line_number, static_cast<int64_t>(taken) + 1,
                  "a quote within a cell: put the cell in quotes and double "
                  "the quotes within it");
      return false;
    }
    const bool blank = !open_ && line.find_first_not_of(" \t\r\n") == line.npos;
    if (!ended_ && !open_ && !blank) {
      open_text_.assign(line.data(), line.size());
      text_ = open_text_;
    }
    open_ = !ended_ && !blank;
    return wanted_;
  }

  void Finish() {
    if (csv_fini(&parser_, &OnCell, &OnRow, this) != 0) {
      const auto [line, column] =
          CsvRow(line_, text_, {}).PlaceOf(ends_.size());
      errors_.Add(line, column, "a quote is opened here and never closed");
    }
  }

  static std::string TooLong() {
    return absl::StrCat("a row of more than ", kCsvRowBytesMax,
                        " bytes: is a quote open?");
  }

 private:
  static void OnCell(void* bytes, size_t size, void* self) {
    auto& parser = *static_cast<Parser*>(self);
    parser.bytes_.append(static_cast<const char*>(bytes), size);
    parser.ends_.push_back(parser.bytes_.size());
  }

  static void OnRow(int, void* self) { static_cast<Parser*>(self)->EndRow(); }

  void EndRow() {
    if (!wanted_) return;
    cells_.clear();
    size_t begin = 0;
    for (size_t end : ends_) {
      cells_.push_back(absl::string_view(bytes_.data() + begin, end - begin));
      begin = end;
    }
    const CsvRow row(line_, text_, cells_);
    if (std::exchange(is_header_, false)) {
      wanted_ = HasCommas(row) && row_(row);
    } else if (bytes_.empty()) {
      HoldEmptyRow();
    } else {
      wanted_ = GiveEmptyRow() && row_(row);
    }
    bytes_.clear();
    ends_.clear();
    ended_ = true;
  }

  // Spreadsheets end a sheet with rows of empty cells. Whether one is at the
  // end is known when another row follows; of several, the first is enough for
  // an error.
  void HoldEmptyRow() {
    if (empty_row_cells_ > 0) return;
    empty_row_line_ = line_;
    empty_row_text_.assign(text_.data(), text_.size());
    empty_row_cells_ = cells_.size();
  }

  // Whether more rows are wanted after the empty row that was held, if any.
  bool GiveEmptyRow() {
    if (empty_row_cells_ == 0) return true;
    const std::vector<absl::string_view> cells(
        std::exchange(empty_row_cells_, 0));
    return row_(CsvRow(empty_row_line_, empty_row_text_, cells));
  }

  // Whether `line` does not begin the input as JSON; else an error was added.
  bool IsNoJson(int64_t line_number, absl::string_view line) {
    const size_t first = line.find_first_not_of(" \t\r\n");
    if (!is_header_ || first == line.npos ||
        (line[first] != '{' && line[first] != '[')) {
      return true;
    }
    errors_.Add(line_number, static_cast<int64_t>(first) + 1,
                "JSON is not read here, but CSV with a header row");
    return false;
  }

  // Whether the header's cells stand apart by commas, or is one cell; else an
  // error was added.
  bool HasCommas(const CsvRow& header) {
    if (header.cells().size() > 1) return true;
    const size_t at = header.cells()[0].find_first_of(";\t|");
    if (at == absl::string_view::npos) return true;
    const char separator = header.cells()[0][at];
    errors_.Add(
        line_, static_cast<int64_t>(text_.find(separator)) + 1,
        absl::StrCat("cells are separated by ",
                     separator == '\t'
                         ? "a tab"
                         : absl::StrCat("\"", std::string(1, separator), "\""),
                     ", not by a comma: save it with commas, and with "
                     "points in numbers"));
    return false;
  }

  InputErrors& errors_;
  absl::FunctionRef<bool(const CsvRow&)> row_;
  bool wanted_ = true;
  bool is_header_ = true;
  csv_parser parser_;

  // The first of the rows of empty cells that were read last: 0 cells if there
  // is none.
  int64_t empty_row_line_ = 0;
  std::string empty_row_text_;
  size_t empty_row_cells_ = 0;

  // The row that is being read: its cells so far, its first line and its text.
  std::string bytes_;
  std::vector<size_t> ends_;
  std::vector<absl::string_view> cells_;
  int64_t line_ = 1;
  absl::string_view text_;
  // Whether the row goes on in the next line, and then the text so far.
  bool open_ = false;
  std::string open_text_;
  // Whether a row ended in the line that was fed.
  bool ended_ = false;
};

}  // namespace

std::pair<int64_t, int64_t> CsvRow::PlaceOf(size_t index) const {
  int64_t line = line_;
  int64_t column = 1;
  bool quoted = false;
  for (char c : text_) {
    if (index == 0) break;
    if (c == '"') quoted = !quoted;
    if (!quoted && c == ',') --index;
    if (!quoted && (c == '\r' || c == '\n')) break;
    ++column;
    if (c == '\n') {
      ++line;
      column = 1;
    }
  }
  return {line, column};
}

void ReadCsv(InputFile& input, InputErrors& errors,
             absl::FunctionRef<bool(const CsvRow&)> row) {
  LineReader lines(input);
  Parser parser(errors, row);
  absl::string_view line;
  while (lines.Next(line)) {
    if (!parser.Feed(lines.line_number(), line)) return;
  }
  if (lines.too_long()) {
    errors.Add(lines.line_number(), 1, Parser::TooLong());
    return;
  }
  const std::string error = input.error();
  if (!error.empty()) {
    errors.AddForFile(error);
    return;
  }
  parser.Finish();
}

bool HasCells(const CsvRow& row, size_t columns, InputErrors& errors) {
  if (row.cells().size() == columns) return true;
  const auto [line, column] = row.PlaceOf(row.cells().size());
  errors.Add(line, column,
             absl::StrCat("a row of ", row.cells().size(),
                          " cells under a header of ", columns));
  return false;
}

}  // namespace konpro

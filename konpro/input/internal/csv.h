// CSV as RFC 4180 says (quoted cells, quotes doubled, line ends within quotes),
// read row by row through libcsv, with the place of every cell for errors.
#ifndef KONPRO_INPUT_INTERNAL_CSV_H_
#define KONPRO_INPUT_INTERNAL_CSV_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "konpro/input/input_file.h"

namespace konpro {

// Valid during the callback that it is given to.
class CsvRow {
 public:
  CsvRow(int64_t line, absl::string_view text,
         absl::Span<const absl::string_view> cells)
      : line_(line), text_(text), cells_(cells) {}

  // Without quotes and without blanks around what was not quoted.
  absl::Span<const absl::string_view> cells() const { return cells_; }

  // Line and column at which cell `index` begins; of the row's end if it has no
  // such cell.
  std::pair<int64_t, int64_t> PlaceOf(size_t index) const;

 private:
  int64_t line_;
  absl::string_view text_;
  absl::Span<const absl::string_view> cells_;
};

// Bytes of a row, at most.
inline constexpr size_t kCsvRowBytesMax = size_t{1} << 20;

// Calls `row` for each row that is not blank, in order, until it returns false.
// Rows of empty cells are skipped at the end; elsewhere, the first of several
// is given. What breaks the form (another separator than a comma, an open
// quote, a quote within a bare cell, a row above kCsvRowBytesMax, an input that
// cannot be read) goes to `errors` and ends the reading.
void ReadCsv(InputFile& input, InputErrors& errors,
             absl::FunctionRef<bool(const CsvRow&)> row);

// Whether `row` has as many cells as its header, `columns`; else an error was
// added.
bool HasCells(const CsvRow& row, size_t columns, InputErrors& errors);

}  // namespace konpro

#endif  // KONPRO_INPUT_INTERNAL_CSV_H_

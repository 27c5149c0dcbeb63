// A manifest is a list of jobs: CSV with a header row, or JSON Lines with the
// same names (docs/formats.md).
//
//   operation,quantity,jobs,id
//   avatar_video,1m30s,3,teaser
//   photo_avatar,12,,portraits
//   interactive_avatar,20m..30m..1h,7,live
//
// Any other CSV is read by saying which columns mean what.
#ifndef KONPRO_INPUT_MANIFEST_H_
#define KONPRO_INPUT_MANIFEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/catalog/catalog.h"
#include "konpro/catalog/operation.h"
#include "konpro/estimate/estimator.h"
#include "konpro/estimate/uncertainty.h"
#include "konpro/input/input_file.h"

namespace konpro {

// Empty texts: the standard column of that name, if there is one.
struct ManifestColumns {
  // The name of an operation that the catalog knows, for all rows; else a
  // column.
  std::string operation;
  // A column.
  std::string quantity;
  // What a bare number in the quantity column counts: ms, s, min, h or what an
  // operation counts, such as image. Empty: the cells say it.
  std::string unit;
  // A column.
  std::string jobs;
  // Columns that mean nothing here. As soon as one of the other options is
  // given, all columns that none of them names are ignored.
  std::vector<std::string> ignored;

  bool maps_columns() const {
    return !operation.empty() || !quantity.empty() || !unit.empty() ||
           !jobs.empty();
  }
};

// A unit of a quantity column: base units that one of it counts.
struct ColumnUnit {
  std::string name;
  QuantityUnit unit = QuantityUnit::kMilliseconds;
  int64_t base_units = 1;
};

// kInvalidArgument if `name` is no time unit and nothing that `catalog`
// counts.
absl::StatusOr<ColumnUnit> FindColumnUnit(absl::string_view name,
                                          const Catalog& catalog);

// The base units of `operation` that a cell of a quantity column says: by
// itself, or as a bare number of `unit`. kInvalidArgument if `operation` is
// metered in something else; other errors as of ParseQuantity().
absl::StatusOr<int64_t> ParseQuantityCell(
    absl::string_view text, const Operation& operation,
    const std::optional<ColumnUnit>& unit);

// The same for a range "LOW..LIKELY..HIGH" of three such cells; a cell that is
// none is a range of one quantity. kInvalidArgument: not three, or a larger one
// before a smaller one.
absl::StatusOr<QuantityRange> ParseRangeCell(
    absl::string_view text, const Operation& operation,
    const std::optional<ColumnUnit>& unit);

// One row. The job has the likely quantity; `range` is there if the row gives
// one.
struct ManifestRow {
  EstimateJob job;
  std::optional<QuantityRange> range;
};

// Gives each row to `add`, in order, and every error to `errors`, an error of
// `add` among them. Returns the names of the columns that were ignored, in
// their order. REQUIRES: options.unit is empty or FindColumnUnit() knows it.
std::vector<std::string> ReadManifest(
    InputFile& input, const ManifestColumns& options, const Catalog& catalog,
    InputErrors& errors,
    absl::FunctionRef<absl::Status(const ManifestRow&)> add);

}  // namespace konpro

#endif  // KONPRO_INPUT_MANIFEST_H_

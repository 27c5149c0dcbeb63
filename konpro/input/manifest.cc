#include "konpro/input/manifest.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "konpro/base/internal/json_value.h"
#include "konpro/base/internal/name.h"
#include "konpro/catalog/operation.h"
#include "konpro/input/internal/csv.h"
#include "konpro/input/internal/line_reader.h"
#include "konpro/input/json_message.h"

namespace konpro {
namespace {

using ::konpro::internal::JsonKind;
using ::konpro::internal::JsonMember;
using ::konpro::internal::JsonValue;

// What a column means: one of the three that are read, by its place among the
// standard names, or nothing.
enum Role { kOperation, kQuantity, kJobs, kIgnored, kUnknown };
constexpr size_t kRoles = 3;
constexpr absl::string_view kStandard[] = {"operation", "quantity", "jobs",
                                           "id"};
constexpr absl::string_view kId = kStandard[3];

using Place = std::pair<int64_t, int64_t>;

// What a row says, and how to find where it says it: only errors ask.
struct Row {
  std::optional<absl::string_view> text[kRoles] = {};
  absl::FunctionRef<Place(Role)> place_of;
};

// Knows what columns mean and what rows say. The two forms of a manifest differ
// in how they find a row's texts.
class Manifest {
 public:
  Manifest(const ManifestColumns& options, const Catalog& catalog,
           InputErrors& errors,
           absl::FunctionRef<absl::Status(const ManifestRow&)> add)
      : options_(options),
        catalog_(catalog),
        errors_(errors),
        add_(add),
        operation_(catalog.FindOperation(options.operation)) {
    if (!options.unit.empty()) {
      unit_ = FindColumnUnit(options.unit, catalog).value();
    }
    columns_[kOperation] = operation_ != nullptr ? "" : options.operation;
    columns_[kQuantity] = options.quantity;
    columns_[kJobs] = options.jobs;
    for (Role role : {kOperation, kQuantity, kJobs}) {
      if (role == kOperation && operation_ != nullptr) continue;
      if (columns_[role].empty() && !IsIgnored(kStandard[role])) {
        columns_[role] = std::string(kStandard[role]);
      }
    }
  }

  Role RoleOf(absl::string_view column) const {
    for (Role role : {kOperation, kQuantity, kJobs}) {
      if (!columns_[role].empty() && column == columns_[role]) return role;
    }
    return options_.maps_columns() || column == kId || IsIgnored(column)
               ? kIgnored
               : kUnknown;
  }

  const std::string& ColumnOf(Role role) const { return columns_[role]; }

  // Of a header or an object without a column that Requires() says it has.
  std::string MissingColumn(Role role,
                            absl::Span<const absl::string_view> header) const;

  // Whether every row must have `role`.
  bool Requires(Role role) const {
    switch (role) {
      case kOperation:
        return operation_ == nullptr;
      case kQuantity:
        return true;
      default:
        return !options_.jobs.empty();
    }
  }

  std::string UnknownColumn(absl::string_view column) const {
    return absl::StrCat("unknown column ", internal::Quoted(column),
                        internal::Suggestion(column, kStandard),
                        " (or leave it out by --ignore-columns)");
  }

  void AddRow(const Row& row);

 private:
  bool IsIgnored(absl::string_view column) const {
    return std::find(options_.ignored.begin(), options_.ignored.end(),
                     column) != options_.ignored.end();
  }

  void Error(const Row& row, Role role, absl::string_view what) {
    const auto [line, column] = row.place_of(role);
    errors_.Add(line, column, what);
  }

  const Operation* ReadOperation(const Row& row);
  std::optional<QuantityRange> ReadQuantity(const Row& row,
                                            const Operation& operation);
  std::optional<int64_t> ReadJobs(const Row& row);

  const ManifestColumns& options_;
  const Catalog& catalog_;
  InputErrors& errors_;
  absl::FunctionRef<absl::Status(const ManifestRow&)> add_;
  // Of all rows, if the options name one.
  const Operation* operation_;
  std::optional<ColumnUnit> unit_;
  // "" if no column has the role.
  std::string columns_[kRoles];
};

const Operation* Manifest::ReadOperation(const Row& row) {
  if (operation_ != nullptr) return operation_;
  const absl::string_view name = *row.text[kOperation];
  const Operation* operation = catalog_.FindOperation(name);
  if (operation == nullptr) {
    Error(row, kOperation, catalog_.UnknownOperation(name).message());
  }
  return operation;
}

std::optional<QuantityRange> Manifest::ReadQuantity(
    const Row& row, const Operation& operation) {
  const absl::StatusOr<QuantityRange> quantity =
      ParseRangeCell(*row.text[kQuantity], operation, unit_);
  if (quantity.ok()) return *quantity;
  Error(row, kQuantity, quantity.status().message());
  return std::nullopt;
}

std::optional<int64_t> Manifest::ReadJobs(const Row& row) {
  const std::optional<absl::string_view>& text = row.text[kJobs];
  if (!text.has_value() || text->empty()) return 1;
  const absl::StatusOr<int64_t> jobs =
      ParseQuantity(*text, QuantityUnit::kCount);
  if (jobs.ok()) return *jobs;
  Error(row, kJobs, absl::StrCat("jobs: ", jobs.status().message()));
  return std::nullopt;
}

std::string Manifest::MissingColumn(
    Role role, absl::Span<const absl::string_view> header) const {
  const std::string& column = columns_[role];
  if (column.empty()) {
    return absl::StrCat("no column for the ", kStandard[role],
                        ": --ignore-columns leaves it out");
  }
  std::vector<absl::string_view> known;
  if (options_.maps_columns()) known.assign(header.begin(), header.end());
  const bool or_name = role == kOperation && !options_.operation.empty();
  if (or_name) {
    for (const Operation& operation : catalog_.operations()) {
      known.push_back(operation.name);
    }
  }
  return absl::StrCat("no column ", internal::Quoted(column),
                      or_name ? ", and no operation of that name" : "",
                      internal::Suggestion(column, known));
}

void Manifest::AddRow(const Row& row) {
  const Operation* operation = ReadOperation(row);
  const std::optional<int64_t> jobs = ReadJobs(row);
  if (operation == nullptr) return;
  const std::optional<QuantityRange> quantity = ReadQuantity(row, *operation);
  if (!quantity.has_value() || !jobs.has_value()) return;
  ManifestRow read = {.job = {.operation = operation,
                              .quantity = quantity->likely,
                              .jobs = *jobs}};
  if (quantity->low < quantity->high) read.range = *quantity;
  const absl::Status added = add_(read);
  if (!added.ok()) Error(row, kQuantity, added.message());
}

class CsvManifest {
 public:
  CsvManifest(Manifest& manifest, InputErrors& errors)
      : manifest_(manifest), errors_(errors) {}

  // False if the header says nothing of the rows below it.
  bool AddRow(const CsvRow& csv) {
    if (columns_ == 0) return ReadHeader(csv);
    if (!HasCells(csv, columns_, errors_)) return true;
    const auto place_of = [&](Role role) {
      return csv.PlaceOf(column_of_[role].value_or(0));
    };
    Row row = {.place_of = place_of};
    for (Role role : {kOperation, kQuantity, kJobs}) {
      if (column_of_[role].has_value()) {
        row.text[role] = csv.cells()[*column_of_[role]];
      }
    }
    manifest_.AddRow(row);
    return true;
  }

  bool has_header() const { return columns_ != 0; }
  std::vector<std::string> ignored() && { return std::move(ignored_); }

 private:
  bool ReadHeader(const CsvRow& csv);

  Manifest& manifest_;
  InputErrors& errors_;
  // Of the header; 0 before it.
  size_t columns_ = 0;
  std::optional<size_t> column_of_[kRoles];
  std::vector<std::string> ignored_;
};

bool CsvManifest::ReadHeader(const CsvRow& csv) {
  bool good = true;
  columns_ = csv.cells().size();
  for (size_t i = 0; i < columns_; ++i) {
    const absl::string_view column = csv.cells()[i];
    const Role role = manifest_.RoleOf(column);
    std::string error;
    if (role == kIgnored) {
      if (column != kId) ignored_.emplace_back(column);
    } else if (role == kUnknown) {
      error = manifest_.UnknownColumn(column);
    } else if (column_of_[role].has_value()) {
      error = absl::StrCat("column ", internal::Quoted(column),
                           " is there already");
    } else {
      column_of_[role] = i;
    }
    if (error.empty()) continue;
    const auto [line, place] = csv.PlaceOf(i);
    errors_.Add(line, place, error);
    good = false;
  }
  for (Role role : {kOperation, kQuantity, kJobs}) {
    if (!manifest_.Requires(role) || column_of_[role].has_value()) continue;
    const auto [line, place] = csv.PlaceOf(0);
    errors_.Add(line, place, manifest_.MissingColumn(role, csv.cells()));
    good = false;
  }
  return good;
}

// The text of a JSON value that a cell could have, or nullopt.
std::optional<std::string> CellText(const JsonValue& value) {
  if (value.kind == JsonKind::kNull || value.kind == JsonKind::kString) {
    return value.text;
  }
  double number = 0;
  if (value.kind != JsonKind::kNumber ||
      !absl::SimpleAtod(value.text, &number)) {
    return std::nullopt;
  }
  // Shortest form that reads back; from 2^53 on whoever wrote it may already
  // have rounded it, and it is refused.
  constexpr int64_t kExactEnd = int64_t{1} << 53;
  if (number >= kExactEnd || number <= -kExactEnd) return std::nullopt;
  char digits[64];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number,
                                 std::chars_format::fixed);
  if (end.ec != std::errc()) return std::nullopt;
  return std::string(digits, end.ptr);
}

class JsonManifest {
 public:
  JsonManifest(Manifest& manifest, InputErrors& errors)
      : manifest_(manifest), errors_(errors) {}

  void AddLine(int64_t number, absl::string_view line);

  // Whether the lines are those of an array, or of an object on many lines.
  bool are_no_objects() const { return are_no_objects_; }

  std::vector<std::string> ignored() && { return std::move(ignored_); }

 private:
  void Ignore(const std::string& name) {
    constexpr size_t kIgnoredMax = 256;
    if (name != kId && ignored_.size() < kIgnoredMax &&
        std::find(ignored_.begin(), ignored_.end(), name) == ignored_.end()) {
      ignored_.push_back(name);
    }
  }

  Manifest& manifest_;
  InputErrors& errors_;
  bool any_ = false;
  bool are_no_objects_ = false;
  std::vector<std::string> ignored_;
};

void JsonManifest::AddLine(int64_t number, absl::string_view line) {
  if (line.find_first_not_of(" \t\r\n") == line.npos) return;
  JsonValue object;
  if (const auto error = ReadJsonLine(line, object)) {
    errors_.Add(number, error->column,
                absl::StrCat("no JSON object: ", error->what));
    are_no_objects_ = error->is_of_extent && !any_;
    return;
  }
  any_ = true;
  std::string texts[kRoles];
  // Of the members that were read, or of the line's beginning.
  int64_t columns[kRoles] = {1, 1, 1};
  const auto place_of = [&](Role role) { return Place(number, columns[role]); };
  Row row = {.place_of = place_of};
  bool failed = false;
  std::vector<absl::string_view> names;
  for (const JsonMember& member : object.members) {
    const int64_t column = static_cast<int64_t>(member.begin) + 1;
    const Role role = manifest_.RoleOf(member.name);
    names.push_back(member.name);
    if (role == kIgnored) {
      Ignore(member.name);
    } else if (role == kUnknown) {
      errors_.Add(number, column, manifest_.UnknownColumn(member.name));
      failed = true;
    } else if (std::optional<std::string> text = CellText(member.value)) {
      texts[role] = *std::move(text);
      row.text[role] = texts[role];
      columns[role] = column;
    } else {
      errors_.Add(number, column,
                  absl::StrCat(internal::Quoted(member.name),
                               " is neither a text nor a number below 2^53"));
      failed = true;
    }
  }
  if (failed) return;
  for (Role role : {kOperation, kQuantity, kJobs}) {
    if (!manifest_.Requires(role) || row.text[role].has_value()) continue;
    return errors_.Add(number, 1, manifest_.MissingColumn(role, names));
  }
  manifest_.AddRow(row);
}

std::vector<std::string> ReadJson(InputFile& input, Manifest& manifest,
                                  InputErrors& errors) {
  JsonManifest json(manifest, errors);
  LineReader lines(input);
  absl::string_view line;
  while (!json.are_no_objects() && lines.Next(line)) {
    json.AddLine(lines.line_number(), line);
  }
  if (lines.too_long()) {
    errors.Add(lines.line_number(), 1,
               absl::StrCat("a line of more than ", LineReader::kLineBytesMax,
                            " bytes"));
  }
  if (!input.error().empty()) errors.AddForFile(input.error());
  std::vector<std::string> ignored = std::move(json).ignored();
  std::sort(ignored.begin(), ignored.end());
  return ignored;
}

}  // namespace

absl::StatusOr<ColumnUnit> FindColumnUnit(absl::string_view name,
                                          const Catalog& catalog) {
  std::vector<ColumnUnit> units = {
      {"ms", QuantityUnit::kMilliseconds, 1},
      {"s", QuantityUnit::kMilliseconds, 1'000},
      {"min", QuantityUnit::kMilliseconds, 60'000},
      {"h", QuantityUnit::kMilliseconds, 3'600'000}};
  for (const Operation& operation : catalog.operations()) {
    if (operation.unit == QuantityUnit::kCount) {
      units.push_back({operation.unit_name, QuantityUnit::kCount, 1});
    }
  }
  std::vector<absl::string_view> names;
  for (const ColumnUnit& unit : units) {
    if (unit.name == name) return unit;
    names.push_back(unit.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown unit ", internal::Quoted(name),
                   internal::Suggestion(name, names)));
}

absl::StatusOr<int64_t> ParseQuantityCell(
    absl::string_view text, const Operation& operation,
    const std::optional<ColumnUnit>& unit) {
  if (!unit.has_value()) return ParseQuantity(text, operation.unit);
  if (unit->unit != operation.unit || (unit->unit == QuantityUnit::kCount &&
                                       unit->name != operation.unit_name)) {
    return absl::InvalidArgumentError(
        absl::StrCat(operation.name, " is metered in ", operation.unit_name,
                     ", not in ", unit->name, " as --unit says"));
  }
  // A time that names its own unit says one thing only. A clock does not: of
  // which of its fields is the column's unit?
  const bool has_unit =
      unit->unit == QuantityUnit::kMilliseconds &&
      !absl::StrContains(text, ':') &&
      std::any_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isalpha(static_cast<unsigned char>(c));
      });
  return has_unit ? ParseQuantity(text, operation.unit)
                  : ParseDecimalQuantity(text, unit->base_units);
}

absl::StatusOr<QuantityRange> ParseRangeCell(
    absl::string_view text, const Operation& operation,
    const std::optional<ColumnUnit>& unit) {
  const size_t first = text.find("..");
  if (first == text.npos) {
    const absl::StatusOr<int64_t> one =
        ParseQuantityCell(text, operation, unit);
    if (!one.ok()) return one.status();
    return QuantityRange{*one, *one, *one};
  }
  const std::vector<absl::string_view> texts = absl::StrSplit(text, "..");
  if (texts.size() != 3) {
    return absl::InvalidArgumentError(
        absl::StrCat(internal::Quoted(text),
                     " is no range: write low..likely..high such as ",
                     operation.unit == QuantityUnit::kCount ? "2..3..8"
                     : unit.has_value()                     ? "60..90..150"
                                        : "60s..90s..150s"));
  }
  int64_t quantities[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    const absl::StatusOr<int64_t> one =
        ParseQuantityCell(texts[i], operation, unit);
    if (!one.ok()) return one.status();
    quantities[i] = *one;
  }
  if (quantities[0] > quantities[1] || quantities[1] > quantities[2]) {
    return absl::InvalidArgumentError(absl::StrCat(
        internal::Quoted(text), " is no range: low..likely..high never falls"));
  }
  return QuantityRange{quantities[0], quantities[1], quantities[2]};
}

std::vector<std::string> ReadManifest(
    InputFile& input, const ManifestColumns& options, const Catalog& catalog,
    InputErrors& errors,
    absl::FunctionRef<absl::Status(const ManifestRow&)> add) {
  Manifest manifest(options, catalog, errors, add);
  const absl::string_view begin = input.Peek();
  const size_t first = begin.find_first_not_of(" \t\r\n");
  if (first != begin.npos && (begin[first] == '{' || begin[first] == '[')) {
    return ReadJson(input, manifest, errors);
  }
  CsvManifest csv(manifest, errors);
  ReadCsv(input, errors, [&](const CsvRow& row) { return csv.AddRow(row); });
  if (!csv.has_header() && errors.none()) {
    errors.Add(1, 1,
               "empty: a manifest begins with a header row such as "
               "operation,quantity,jobs");
  }
  return std::move(csv).ignored();
}

}  // namespace konpro

#include "konpro/input/trace.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "konpro/base/internal/name.h"
#include "konpro/input/input_file.h"
#include "konpro/input/internal/csv.h"
#include "konpro/input/internal/line_reader.h"
#include "konpro/input/internal/request_sorter.h"
#include "konpro/input/internal/trace_time.h"
#include "konpro/input/manifest.h"

namespace konpro {
namespace {

// What a column means.
enum Role { kTime, kOperation, kQuantity, kAccount };
constexpr Role kAllRoles[] = {kTime, kOperation, kQuantity, kAccount};

using Add =
    absl::FunctionRef<absl::Status(const TraceRequest&, const RowPlace&)>;

class CsvTrace {
 public:
  CsvTrace(const TraceOptions& options, const Catalog& catalog,
           InputErrors& errors, Add add)
      : catalog_(catalog),
        errors_(errors),
        add_(add),
        operation_(catalog.FindOperation(options.operation)),
        names_{options.time, operation_ != nullptr ? "" : options.operation,
               options.quantity, options.account} {
    if (!options.unit.empty()) {
      unit_ = FindColumnUnit(options.unit, catalog).value();
    }
  }

  void AddRow(const CsvRow& row) {
    if (columns_ == 0) return ReadHeader(row);
    if (!HasCells(row, columns_, errors_)) return;
    TraceRequest request = {.operation = operation_};
    if (!ReadTime(row, request) || !ReadWhat(row, request)) return;
    if (column_of_[kAccount].has_value()) {
      request.account = row.cells()[*column_of_[kAccount]];
      if (request.account.empty()) {
        return Error(row, kAccount, "no account: every request has one");
      }
    }
    const auto [line, column] = row.PlaceOf(*column_of_[kTime]);
    const absl::Status added = add_(request, {line, column});
    if (!added.ok()) errors_.Add(line, column, added.message());
  }

  bool has_header() const { return columns_ != 0; }
  // Whether the header says nothing of the rows below it.
  bool header_failed() const { return header_failed_; }

 private:
  void Error(const CsvRow& row, Role role, absl::string_view what) {
    const auto [line, column] = row.PlaceOf(*column_of_[role]);
    errors_.Add(line, column, what);
  }

  void ReadHeader(const CsvRow& row);

  std::string MissingColumn(Role role,
                            absl::Span<const absl::string_view> header) const;

  bool ReadTime(const CsvRow& row, TraceRequest& request) {
    const absl::StatusOr<UnixNanos> at =
        ParseTraceTime(row.cells()[*column_of_[kTime]]);
    if (at.ok()) {
      request.at = *at;
    } else {
      Error(row, kTime, at.status().message());
    }
    return at.ok();
  }

  // Operation and quantity.
  bool ReadWhat(const CsvRow& row, TraceRequest& request);

  const Catalog& catalog_;
  InputErrors& errors_;
  Add add_;
  // Of all rows, if the options name one.
  const Operation* operation_;
  std::optional<ColumnUnit> unit_;
  // Of the columns by role, "" if no column has it.
  std::array<std::string, std::size(kAllRoles)> names_;
  std::array<std::optional<size_t>, std::size(kAllRoles)> column_of_;
  // Of the header; 0 before it.
  size_t columns_ = 0;
  bool header_failed_ = false;
};

std::string CsvTrace::MissingColumn(
    Role role, absl::Span<const absl::string_view> header) const {
  std::vector<absl::string_view> known(header.begin(), header.end());
  const bool or_name = role == kOperation;
  if (or_name) {
    for (const Operation& operation : catalog_.operations()) {
      known.push_back(operation.name);
    }
  }
  return absl::StrCat("no column ", internal::Quoted(names_[role]),
                      " in the header",
                      or_name ? ", and no operation of that name" : "",
                      internal::Suggestion(names_[role], known));
}

void CsvTrace::ReadHeader(const CsvRow& row) {
  const absl::Span<const absl::string_view> header = row.cells();
  columns_ = header.size();
  for (Role role : kAllRoles) {
    const std::string& name = names_[role];
    if (name.empty()) continue;
    const auto first = std::find(header.begin(), header.end(), name);
    const bool found = first != header.end();
    column_of_[role] = found ? first - header.begin() : 0;
    std::string error;
    if (!found) {
      error = MissingColumn(role, header);
    } else if (std::find(first + 1, header.end(), name) != header.end()) {
      error =
          absl::StrCat("column ", internal::Quoted(name), " is there twice");
    }
    if (error.empty()) continue;
    Error(row, role, error);
    header_failed_ = true;
  }
}

bool CsvTrace::ReadWhat(const CsvRow& row, TraceRequest& request) {
  if (column_of_[kOperation].has_value()) {
    const absl::string_view name = row.cells()[*column_of_[kOperation]];
    request.operation = catalog_.FindOperation(name);
    if (request.operation == nullptr) {
      Error(row, kOperation, catalog_.UnknownOperation(name).message());
      return false;
    }
  }
  if (!column_of_[kQuantity].has_value()) return true;
  const absl::StatusOr<int64_t> quantity = ParseQuantityCell(
      row.cells()[*column_of_[kQuantity]], *request.operation, unit_);
  if (!quantity.ok()) {
    Error(row, kQuantity, quantity.status().message());
    return false;
  }
  request.quantity = *quantity;
  return true;
}

// A line of an access log, taken apart from its beginning.
class LogLine {
 public:
  explicit LogLine(absl::string_view text) : text_(text) {}

  // Where what was not taken begins; columns count from 1.
  int64_t column() const { return static_cast<int64_t>(at_) + 1; }
  bool AtEnd() const { return at_ == text_.size(); }

  // What stands before the next `end`, which is taken too.
  bool TakeUntil(absl::string_view end, absl::string_view& taken) {
    const size_t found = text_.find(end, at_);
    if (found == text_.npos) return false;
    taken = text_.substr(at_, found - at_);
    at_ = found + end.size();
    return true;
  }

  // "..." in which a backslash makes the next byte mean nothing, and a blank.
  bool TakeQuoted() {
    size_t at = at_;
    if (at >= text_.size() || text_[at] != '"') return false;
    do {
      if (text_[at] == '\\') ++at;
      ++at;
    } while (at < text_.size() && text_[at] != '"');
    if (at + 1 >= text_.size() || text_[at + 1] != ' ') return false;
    at_ = at + 2;
    return true;
  }

  // Digits or "-", and the blank or the end after them.
  bool TakeNumber() {
    const size_t end = std::min(text_.find(' ', at_), text_.size());
    const absl::string_view word = text_.substr(at_, end - at_);
    if (word.empty() ||
        (word != "-" && word.find_first_not_of("0123456789") != word.npos)) {
      return false;
    }
    at_ = std::min(end + 1, text_.size());
    return true;
  }

 private:
  absl::string_view text_;
  size_t at_ = 0;
};

bool HasOnly(absl::string_view text, absl::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           others.find(c) != others.npos;
  });
}

// "192.0.2.7", "2001:db8::7".
bool LooksLikeIpAddress(absl::string_view text) {
  const bool hexadecimal = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' ||
           c == '.';
  });
  if (std::count(text.begin(), text.end(), ':') >= 2) return hexadecimal;
  return std::count(text.begin(), text.end(), '.') == 3 &&
         text.find_first_not_of("0123456789.") == text.npos;
}

// An IP address or the name of a host.
bool IsAddress(absl::string_view text) {
  const absl::string_view without_zone = text.substr(0, text.find('%'));
  return text != "-" &&
         (LooksLikeIpAddress(without_zone) || HasOnly(text, "-_."));
}

// Why a line that begins so is no line of the form that is read, or "". Another
// form would make one account of all clients.
std::string OtherForm(absl::string_view address, absl::string_view ident,
                      absl::string_view user) {
  if (address.find(',') != address.npos || ident.find(',') != ident.npos) {
    return "a list of addresses";
  }
  if (!IsAddress(address)) {
    return absl::StrCat(internal::Quoted(address),
                        " before the address, or instead of it");
  }
  if (LooksLikeIpAddress(ident)) {
    return absl::StrCat("two addresses, ", address, " and ", ident);
  }
  const std::vector<absl::string_view> words = absl::StrSplit(user, ' ');
  if (words.size() > 1 &&
      std::find(words.begin(), words.end(), "-") != words.end()) {
    return absl::StrCat(internal::Quoted(user), " as the user");
  }
  return "";
}

// address " " ident " " user " [" time "] " quoted " " status " " size ...
// A user may have blanks, and what follows the size is not read.
void AddLogLine(int64_t number, absl::string_view text,
                const TraceOptions& options, const Operation* operation,
                InputErrors& errors, Add add) {
  LogLine line(text);
  const auto error = [&](absl::string_view what) {
    errors.Add(number, line.column(), what);
  };
  // Lines of a file from an old Macintosh would be one, and so one request.
  const size_t carriage_return = text.find('\r');
  if (carriage_return != text.npos) {
    return errors.Add(number, static_cast<int64_t>(carriage_return) + 1,
                      "a carriage return within a line: lines end with a line "
                      "feed");
  }
  absl::string_view address;
  absl::string_view ident;
  absl::string_view user;
  if (!line.TakeUntil(" ", address) || address.empty() ||
      !line.TakeUntil(" ", ident) || ident.empty() ||
      !line.TakeUntil(" [", user) || user.empty()) {
    return error(
        "not a line of an access log: it begins with address, ident, user and "
        "[time]");
  }
  const std::string other = OtherForm(address, ident, user);
  if (!other.empty()) {
    return errors.Add(
        number, 1,
        absl::StrCat("a line of another form of access log: ", other,
                     "; what is read begins with one address, ident, user and "
                     "[time]"));
  }
  absl::string_view time;
  const int64_t time_column = line.column();
  if (!line.TakeUntil("] ", time)) {
    return error("no \"] \" after the time");
  }
  const absl::StatusOr<UnixNanos> at = ParseLogTime(time);
  if (!at.ok()) return errors.Add(number, time_column, at.status().message());
  if (!line.TakeQuoted()) {
    return error("no request in quotes, then a blank, after the time");
  }
  if (!line.TakeNumber() || !line.TakeNumber()) {
    return error("no status and size, digits or \"-\", after the request");
  }
  const bool by_user =
      options.account == "user" || (options.account.empty() && user != "-");
  const absl::Status added = add(
      {.at = *at, .account = by_user ? user : address, .operation = operation},
      {number, time_column});
  if (!added.ok()) errors.Add(number, time_column, added.message());
}

void ReadAccessLog(InputFile& input, const TraceOptions& options,
                   const Catalog& catalog, InputErrors& errors,
                   const bool& stop, Add add) {
  const Operation* operation = catalog.FindOperation(options.operation);
  LineReader lines(input);
  absl::string_view line;
  while (!stop && lines.Next(line)) {
    const size_t last = line.find_last_not_of(" \t\r\n");
    if (last == line.npos) continue;
    AddLogLine(lines.line_number(), line.substr(0, last + 1), options,
               operation, errors, add);
  }
  if (lines.too_long()) {
    errors.Add(lines.line_number(), 1,
               absl::StrCat("a line of more than ", LineReader::kLineBytesMax,
                            " bytes"));
  }
  if (!input.error().empty()) errors.AddForFile(input.error());
}

absl::Status CheckAccessLogOptions(const TraceOptions& options,
                                   const Catalog& catalog) {
  const std::pair<const char*, const std::string&> columns[] = {
      {"--time", options.time},
      {"--quantity", options.quantity},
      {"--unit", options.unit}};
  for (const auto& [flag, value] : columns) {
    if (value.empty()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": an access log has no columns to name"));
  }
  if (!options.account.empty() && options.account != "user" &&
      options.account != "address") {
    return absl::InvalidArgumentError(
        absl::StrCat("--account: of an access log, user or address, not ",
                     internal::Quoted(options.account)));
  }
  if (!options.operation.empty() &&
      catalog.FindOperation(options.operation) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--operation: ",
                     catalog.UnknownOperation(options.operation).message()));
  }
  return absl::OkStatus();
}

// Each request in the order of the rows, until `stop`.
void ReadRows(InputFile& input, const TraceOptions& options,
              const Catalog& catalog, InputErrors& errors, const bool& stop,
              Add add) {
  if (options.form == TraceForm::kAccessLog) {
    return ReadAccessLog(input, options, catalog, errors, stop, add);
  }
  CsvTrace csv(options, catalog, errors, add);
  ReadCsv(input, errors, [&](const CsvRow& row) {
    csv.AddRow(row);
    return !csv.header_failed() && !stop;
  });
  if (!csv.has_header() && errors.none()) {
    errors.Add(1, 1, "empty: a trace begins with a header row");
  }
}

// A file is decided row by row as long as its rows are in order. At the first
// one that is not, what was decided is read once more, to be sorted with the
// rest. What cannot be read twice is sorted from its first row on.
class TraceReader {
 public:
  TraceReader(const TraceSource& source, const TraceOptions& options,
              const Catalog& catalog, InputErrors& errors,
              absl::FunctionRef<void()> begin,
              absl::FunctionRef<absl::Status(const TraceRequest&)> add)
      : source_(source),
        options_(options),
        catalog_(catalog),
        errors_(errors),
        begin_(begin),
        add_(add) {}

  int64_t Read() {
    if (!IsRegularFile(source_.path)) sorter_.emplace();
    InputFile input(source_.path, source_.in, source_.progress_out);
    ReadRows(input, options_, catalog_, errors_, failed_,
             [&](const TraceRequest& request, const RowPlace& place) {
               return AddRow(request, place);
             });
    if (!sorter_.has_value() || failed_) return out_of_order_;
    const absl::Status status = sorter_->ForEach(
        [&](const TraceRequest& request, const RowPlace& place) {
          const absl::Status added = add_(request);
          if (!added.ok()) {
            errors_.Add(place.line, place.column, added.message());
          }
        });
    if (!status.ok()) errors_.AddForFile(status.message());
    return out_of_order_;
  }

 private:
  static bool IsRegularFile(const std::string& path) {
    struct stat status;
    return path != "-" && stat(path.c_str(), &status) == 0 &&
           S_ISREG(status.st_mode);
  }

  absl::Status AddRow(const TraceRequest& request, const RowPlace& place) {
    const bool in_order = request.at >= latest_;
    out_of_order_ += in_order ? 0 : 1;
    latest_ = std::max(latest_, request.at);
    if (!in_order && !sorter_.has_value()) {
      sorter_.emplace();
      const absl::Status status = SortRowsAbove();
      if (!status.ok()) return Fail(status);
      begin_();
    }
    if (!sorter_.has_value()) {
      ++rows_;
      return add_(request);
    }
    const absl::Status status = sorter_->Add(request, place);
    return status.ok() ? status : Fail(status);
  }

  // Nothing more is read.
  absl::Status Fail(const absl::Status& status) {
    failed_ = true;
    return status;
  }

  // The rows that were decided.
  absl::Status SortRowsAbove() {
    std::ostringstream said_before;
    InputErrors errors(source_.path, said_before);
    InputFile input(source_.path, source_.in, /*progress_out=*/nullptr);
    int64_t read = 0;
    bool stop = rows_ == 0;
    absl::Status status;
    ReadRows(input, options_, catalog_, errors, stop,
             [&](const TraceRequest& request, const RowPlace& place) {
               if (!stop) status = sorter_->Add(request, place);
               stop = ++read == rows_ || !status.ok();
               return absl::OkStatus();
             });
    if (status.ok() && read < rows_) {
      return absl::UnavailableError("the file was changed while it was read");
    }
    return status;
  }

  const TraceSource& source_;
  const TraceOptions& options_;
  const Catalog& catalog_;
  InputErrors& errors_;
  absl::FunctionRef<void()> begin_;
  absl::FunctionRef<absl::Status(const TraceRequest&)> add_;

  // Of the rows so far.
  UnixNanos latest_;
  int64_t out_of_order_ = 0;
  // Rows that went to add_ as they came.
  int64_t rows_ = 0;
  std::optional<RequestSorter> sorter_;
  bool failed_ = false;
};

}  // namespace

absl::Status CheckTraceOptions(const TraceOptions& options,
                               const Catalog& catalog) {
  if (options.form == TraceForm::kAccessLog) {
    return CheckAccessLogOptions(options, catalog);
  }
  if (options.time.empty()) {
    return absl::InvalidArgumentError(
        "--time: name the column that says when each request came");
  }
  if (!options.quantity.empty() && options.operation.empty()) {
    return absl::InvalidArgumentError(
        "--quantity: of which operation? Name it, or its column, by "
        "--operation");
  }
  if (options.unit.empty()) return absl::OkStatus();
  if (options.quantity.empty()) {
    return absl::InvalidArgumentError(
        "--unit: of which column? Name it by --quantity");
  }
  const absl::Status known = FindColumnUnit(options.unit, catalog).status();
  if (known.ok()) return known;
  return absl::InvalidArgumentError(absl::StrCat("--unit: ", known.message()));
}

int64_t ReadTrace(const TraceSource& source, const TraceOptions& options,
                  const Catalog& catalog, InputErrors& errors,
                  absl::FunctionRef<void()> begin,
                  absl::FunctionRef<absl::Status(const TraceRequest&)> add) {
  begin();
  return TraceReader(source, options, catalog, errors, begin, add).Read();
}

}  // namespace konpro

#include "konpro/cli/price_command.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "konpro/cli/delimited.h"
#include "konpro/cli/input.h"
#include "konpro/cli/table.h"
#include "konpro/usage.h"
#include "proto/usage.pb.h"

namespace konpro::cli {
namespace {

// What one account used.
struct Tally {
  // One for each operation of the catalog, in its order.
  std::vector<EstimateLine> lines;
  Credits total;
};

// Adds up rated records; memory grows with accounts.
class Usage {
 public:
  explicit Usage(const Catalog& catalog) : catalog_(catalog) {}

  // kOutOfRange where a sum leaves its range; nothing was added. Other errors
  // as of RateUsage(), but that a record without a price is counted.
  absl::Status Add(const v1::UsageRecord& record);

  v1::UsageReport Report() const;

  Credits total() const { return total_; }
  int64_t unpriced_records() const { return unpriced_records_; }

 private:
  const Catalog& catalog_;
  absl::flat_hash_map<std::string, Tally> accounts_;
  Credits total_;
  int64_t records_ = 0;
  int64_t unpriced_records_ = 0;
};

absl::Status Usage::Add(const v1::UsageRecord& record) {
  const absl::StatusOr<RatedUsage> rated = RateUsage(catalog_, record);
  if (!rated.ok()) {
    if (!absl::IsNotFound(rated.status())) return rated.status();
    ++records_;
    ++unpriced_records_;
    return absl::OkStatus();
  }
  Tally& tally = accounts_[record.account_id()];
  if (tally.lines.empty()) tally.lines.resize(catalog_.operations().size());
  EstimateLine& line =
      tally.lines[rated->operation - catalog_.operations().data()];
  int64_t quantity = 0;
  const std::optional<Credits> total = CheckedAdd(total_, rated->cost);
  if (!total.has_value() ||
      __builtin_add_overflow(line.quantity, rated->quantity, &quantity)) {
    return absl::OutOfRangeError(
        "the sum of all records leaves the range of "
        "64 bits");
  }
  // Costs are not negative: a line and an account are at most the total.
  line.operation = rated->operation;
  line.price = rated->price;
  line.jobs += 1;
  line.quantity = quantity;
  line.cost = *CheckedAdd(line.cost, rated->cost);
  tally.total = *CheckedAdd(tally.total, rated->cost);
  total_ = *total;
  ++records_;
  return absl::OkStatus();
}

v1::UsageReport Usage::Report() const {
  std::vector<std::pair<absl::string_view, const Tally*>> accounts;
  for (const auto& [id, tally] : accounts_) accounts.emplace_back(id, &tally);
  std::sort(accounts.begin(), accounts.end());
  std::vector<Credits> totals;
  for (const auto& [id, tally] : accounts) totals.push_back(tally->total);
  const std::vector<ShownCredits> shown = ShowParts(totals, Show(total_));

  v1::UsageReport report;
  report.set_catalog_version(catalog_.version());
  report.set_records(records_);
  for (size_t i = 0; i < accounts.size(); ++i) {
    const Tally& tally = *accounts[i].second;
    std::vector<EstimateLine> lines;
    for (const EstimateLine& line : tally.lines) {
      if (line.jobs > 0) lines.push_back(line);
    }
    v1::AccountUsage& account = *report.add_accounts();
    account.set_account_id(std::string(accounts[i].first));
    *account.mutable_lines() = ToReportLines(lines, shown[i],
                                             /*explain=*/false, std::nullopt);
    account.mutable_total()->set_ticks(tally.total.ticks());
    account.mutable_total()->set_credits(shown[i].ToString());
  }
  *report.mutable_total() = ToAmount(total_);
  report.add_assumptions(absl::StrCat("prices of catalog ", catalog_.version(),
                                      ", in effect when each job began"));
  report.add_assumptions(
      "records are not compared: one that is there twice is priced twice");
  if (unpriced_records_ > 0) {
    report.add_assumptions(absl::StrCat(
        "not in the total, for lack of a price when the job began: ",
        unpriced_records_, " records"));
  }
  return report;
}

bool IsBlank(absl::string_view text) {
  return text.find_first_not_of(" \t\r\n") == text.npos;
}

void ReadJsonLines(Input& input, Usage& usage, InputErrors& errors) {
  LineReader lines(input);
  v1::UsageRecord record;
  absl::string_view line;
  while (lines.Next(line)) {
    if (IsBlank(line)) continue;
    record.Clear();
    const auto parsed = google::protobuf::util::JsonStringToMessage(
        {line.data(), line.size()}, &record);
    if (!parsed.ok()) {
      const std::string message(parsed.message());
      errors.Add(lines.line_number(), 1,
                 absl::StrCat("no usage record: ",
                              message.substr(0, message.find('\n'))));
      continue;
    }
    const absl::Status added = usage.Add(record);
    if (!added.ok()) errors.Add(lines.line_number(), 1, added.message());
  }
  if (lines.too_long()) {
    errors.Add(lines.line_number(), 1,
               absl::StrCat("a line of more than ", LineReader::kLineBytesMax,
                            " bytes"));
  }
}

void ReadDelimited(Input& input, Usage& usage, InputErrors& errors) {
  DelimitedReader messages(input);
  v1::UsageRecord record;
  absl::string_view bytes;
  const auto error = [&](absl::string_view what) {
    errors.AddForFile(absl::StrCat("record ", messages.number(), " at byte ",
                                   messages.offset(), ": ", what));
  };
  while (messages.Next(bytes)) {
    if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      error("no usage record: its bytes are no konpro.v1.UsageRecord");
      continue;
    }
    const absl::Status added = usage.Add(record);
    if (!added.ok()) error(added.message());
  }
  if (!messages.error().empty()) error(messages.error());
}

// Whether an input that begins with `begin` is length-delimited: behind the
// size of the first message stands the tag of its first field, record_id, and
// farther on that of account_id, a control character, of which JSON has none
// but blanks. Blanks alone are not enough: a message may have 32 bytes, and so
// begin like a blank line.
bool LooksDelimited(absl::string_view begin) {
  constexpr char kRecordIdTag = 0x0A;
  constexpr char kAccountIdTag = 0x12;
  size_t size_bytes = 0;
  while (size_bytes < begin.size() && (begin[size_bytes] & 0x80) != 0) {
    ++size_bytes;
  }
  constexpr size_t kBehindRecordId = kUsageIdBytesMax + 8;
  const absl::string_view message =
      begin.substr(std::min(size_bytes + 1, begin.size()), kBehindRecordId);
  return !message.empty() && message.front() == kRecordIdTag &&
         message.find(kAccountIdTag) != message.npos;
}

Table AccountsTable(const v1::UsageReport& report) {
  Table table({{"account"},
               {"operation"},
               {"records", Align::kRight},
               {"quantity", Align::kRight},
               {"credits", Align::kRight}});
  for (const v1::AccountUsage& account : report.accounts()) {
    for (const v1::ReportLine& line : account.lines()) {
      table.AddRow({account.account_id(), line.operation(),
                    absl::StrCat(line.jobs()), QuantityText(line),
                    line.cost().credits()});
    }
  }
  table.AddTotal({"total", "", absl::StrCat(report.records()), "",
                  report.total().credits()});
  return table;
}

void PrintCsv(const v1::UsageReport& report, std::ostream& out) {
  Table table({{"account_id"},
               {"operation"},
               {"records"},
               {"quantity"},
               {"unit"},
               {"ticks"},
               {"credits"}});
  for (const v1::AccountUsage& account : report.accounts()) {
    for (const v1::ReportLine& line : account.lines()) {
      table.AddRow({account.account_id(), line.operation(),
                    absl::StrCat(line.jobs()), absl::StrCat(line.quantity()),
                    line.unit(), absl::StrCat(line.cost().ticks()),
                    line.cost().credits()});
    }
  }
  table.AddRow({"", "total", absl::StrCat(report.records()), "", "",
                absl::StrCat(report.total().ticks()),
                report.total().credits()});
  table.PrintCsv(out);
}

void PrintReport(const v1::UsageReport& report, Format format,
                 std::ostream& out) {
  if (format == Format::kJson) return PrintJson(report, out);
  if (format == Format::kCsv) return PrintCsv(report, out);
  const bool markdown = format == Format::kMarkdown;
  const Table table = AccountsTable(report);
  markdown ? table.PrintMarkdown(out) : table.PrintText(out);
  out << "\n";
  const char* bullet = markdown ? "- " : "";
  out << bullet << "accounts: " << report.accounts_size() << "\n";
  if (report.has_budget()) {
    out << bullet << "budget: " << report.budget().credits()
        << ", above it: " << report.over_budget().credits() << "\n";
  }
  for (const std::string& assumption : report.assumptions()) {
    out << bullet << "assumed: " << assumption << "\n";
  }
}

}  // namespace

ExitCode RunPrice(const PriceOptions& options, Streams streams) {
  const std::optional<Catalog> catalog = LoadCatalog(options.catalog, streams);
  if (!catalog.has_value()) return ExitCode::kBadInput;
  Usage usage(*catalog);
  InputErrors errors(options.file, streams.err);
  Input input(options.file, streams.in, streams.progress);
  const bool delimited =
      options.form == RecordForm::kDelimited ||
      (options.form == RecordForm::kAuto && LooksDelimited(input.Peek()));
  delimited ? ReadDelimited(input, usage, errors)
            : ReadJsonLines(input, usage, errors);
  if (!input.error().empty()) errors.AddForFile(input.error());
  errors.Finish();
  if (!errors.none()) return ExitCode::kBadInput;

  v1::UsageReport report = usage.Report();
  if (options.budget.has_value()) {
    *report.mutable_budget() = ToAmount(*options.budget);
    *report.mutable_over_budget() =
        ToAmount(*Shortfall(usage.total(), *options.budget));
  }
  PrintReport(report, options.format, streams.out);
  const ExitCode code = CheckBudget(usage.total(), options.budget, streams);
  if (usage.unpriced_records() == 0) return code;
  PrintReason(streams, absl::StrCat("no price for ", usage.unpriced_records(),
                                    " records"));
  return ExitCode::kNotAllowed;
}

}  // namespace konpro::cli

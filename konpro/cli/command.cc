#include "konpro/cli/command.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "konpro/base/internal/rfc3339.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/input/input.h"

namespace konpro::cli {

std::optional<Catalog> LoadCatalog(const std::string& path, Streams streams) {
  if (path.empty()) return Catalog::BuiltIn();
  Input input(path, streams.in, /*progress_out=*/nullptr);
  std::string text;
  // One block more than a catalog may have is enough to refuse it.
  while (text.size() <= kCatalogFileBytesMax) {
    const absl::string_view block = input.Read();
    if (block.empty()) break;
    text.append(block.data(), block.size());
  }
  if (!input.error().empty()) {
    streams.err << path << ": " << input.error() << "\n";
    return std::nullopt;
  }
  absl::StatusOr<Catalog> catalog = ParseCatalog(text, path);
  if (!catalog.ok()) {
    streams.err << catalog.status().message() << "\n";
    return std::nullopt;
  }
  return *std::move(catalog);
}

v1::Amount ToAmount(Credits credits) {
  v1::Amount amount;
  amount.set_ticks(credits.ticks());
  amount.set_credits(credits.ToString());
  return amount;
}

google::protobuf::RepeatedPtrField<v1::ReportLine> ToReportLines(
    absl::Span<const EstimateLine> lines, ShownCredits total, bool explain,
    std::optional<absl::Time> prices_since) {
  std::vector<Credits> costs;
  for (const EstimateLine& line : lines) costs.push_back(line.cost);
  const std::vector<ShownCredits> shown = ShowParts(costs, total);
  google::protobuf::RepeatedPtrField<v1::ReportLine> out;
  for (size_t i = 0; i < lines.size(); ++i) {
    const EstimateLine& line = lines[i];
    v1::ReportLine& report = *out.Add();
    report.set_operation(line.operation->name);
    report.set_jobs(line.jobs);
    report.set_quantity(line.quantity);
    report.set_unit(line.operation->unit_name);
    if (line.price == nullptr) continue;
    report.mutable_cost()->set_ticks(line.cost.ticks());
    report.mutable_cost()->set_credits(shown[i].ToString());
    if (!explain) continue;
    const Price::Terms& terms = line.price->terms();
    v1::Explanation& explanation = *report.mutable_explanation();
    explanation.set_billed_quantity(line.billed_quantity);
    *explanation.mutable_price() = ToAmount(terms.credits);
    explanation.set_per(terms.per);
    explanation.set_increment(terms.increment);
    explanation.set_minimum(terms.minimum);
    explanation.set_rounding(line.price->Rounds()
                                 ? "to whole ticks, half to even, each job"
                                 : "none");
    explanation.set_price_version(PriceVersion(*prices_since));
  }
  return out;
}

std::string QuantityText(const v1::ReportLine& line) {
  if (line.unit() == "ms") {
    return FormatQuantity(line.quantity(), QuantityUnit::kMilliseconds);
  }
  return absl::StrCat(line.quantity(), " ", line.unit());
}

std::string ExplanationText(const v1::ReportLine& line) {
  const v1::Explanation& e = line.explanation();
  const std::string& unit = line.unit();
  const std::string billed = absl::StrCat(e.billed_quantity(), " ", unit);
  const std::string ticks = absl::StrCat(line.cost().ticks(), " ticks");
  return absl::StrCat(
      line.operation(), ": jobs ", line.jobs(), ", quantity ", line.quantity(),
      " ", unit, "; increment ", e.increment(), " ", unit, ", minimum ",
      e.minimum(), " ", unit, ", so billed ", billed, "; price ",
      e.price().credits(), " credits per ", e.per(), " ", unit, " ",
      e.price_version(), "; ",
      e.rounding() == "none"
          ? absl::StrCat(e.billed_quantity(), " x ", e.price().ticks(), " / ",
                         e.per(), " = ", ticks)
          : absl::StrCat("rounded ", e.rounding(), ": ", ticks),
      "; ", ticks, " / ", Credits::kTicksPerCredit, " = ",
      line.cost().credits(), " credits");
}

std::string PriceVersion(absl::Time effective_at) {
  if (effective_at == absl::InfinitePast()) return "from the start";
  return absl::StrCat("since ", internal::FormatRfc3339(effective_at));
}

void PrintJson(const google::protobuf::Message& message, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  // By way of bytes whose order is certain: that of a map is not.
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  constexpr char kPrefix[] = "type";
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  const std::unique_ptr<google::protobuf::util::TypeResolver> types(
      google::protobuf::util::NewTypeResolverForDescriptorPool(
          kPrefix, type.file()->pool()));
  std::string json;
  // Fails for messages of unknown types alone, and there is none.
  (void)google::protobuf::util::BinaryToJsonString(
      types.get(), absl::StrCat(kPrefix, "/", type.full_name()), bytes, &json,
      options);
  out << json;
}

void PrintReason(Streams streams, absl::string_view reason) {
  streams.out.flush();
  streams.err << "konpro: " << reason << "\n";
}

ExitCode FailWith(const absl::Status& status, Streams streams) {
  PrintReason(streams, status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kBadInput;
    default:
      return ExitCode::kInternal;
  }
}

ExitCode CheckAvailable(Credits total, std::optional<Credits> available,
                        Streams streams) {
  if (!available.has_value() || total <= *available) return ExitCode::kOk;
  PrintReason(streams,
              absl::StrCat("not covered: need ", total.ToString(),
                           ", available ", available->ToString(), ", short ",
                           Shortfall(total, *available)->ToString()));
  return ExitCode::kOverAvailable;
}

ExitCode CheckBudget(Credits total, std::optional<Credits> budget,
                     Streams streams) {
  if (!budget.has_value() || total <= *budget) return ExitCode::kOk;
  PrintReason(streams,
              absl::StrCat("over budget: ", total.ToString(), " credits are ",
                           Shortfall(total, *budget)->ToString(), " above ",
                           budget->ToString()));
  return ExitCode::kOverBudget;
}

}  // namespace konpro::cli

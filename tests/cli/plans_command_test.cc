#include "konpro/cli/plans_command.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Print(ReportFormat format) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(RunPlans({.format = format}, {in, out, err}), ExitCode::kOk);
  return out.str();
}

TEST(PlansCommand, PrintsPlansAndPrices) {
  const std::string table = Print(ReportFormat::kTable);
  EXPECT_THAT(table, AllOf(HasSubstr("minute: 300 per 1m,"),
                           HasSubstr("day: 10000 per 24h")));
  EXPECT_THAT(table, HasSubstr("given per account"));
  EXPECT_THAT(table, HasSubstr("video_translation       0.5  1s"));
}

TEST(PlansCommand, MachineFormsAreTheCatalog) {
  EXPECT_EQ(ParseCatalog(Print(ReportFormat::kTextproto), "f").value(),
            Catalog::BuiltIn());
  v1::Catalog catalog;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(
                  Print(ReportFormat::kJson), &catalog)
                  .ok());
  EXPECT_EQ(catalog.SerializeAsString(),
            CatalogToProto(Catalog::BuiltIn()).SerializeAsString());
}

}  // namespace
}  // namespace konpro::cli

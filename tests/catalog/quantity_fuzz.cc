// Any text as credits and as quantities: what is read prints and reads back,
// and quantities are those of an oracle.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "konpro/base/credits.h"
#include "konpro/catalog/operation.h"
#include "tests/testing/quantity_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto credits = konpro::Credits::Parse(text);
  if (credits.ok()) {
    const auto again = konpro::Credits::Parse(credits->ToString());
    if (!again.ok() || *again != *credits) std::abort();
  }
  for (konpro::QuantityUnit unit :
       {konpro::QuantityUnit::kMilliseconds, konpro::QuantityUnit::kCount}) {
    const auto quantity = konpro::ParseQuantity(text, unit);
    if (size <= konpro::testing::kQuantityOracleBytesMax) {
      const std::optional<int64_t> right =
          konpro::testing::OracleQuantity(std::string(text), unit);
      if (right.has_value() != quantity.ok()) std::abort();
      if (right.has_value() && *right != *quantity) std::abort();
    }
    if (!quantity.ok()) continue;
    const auto again =
        konpro::ParseQuantity(konpro::FormatQuantity(*quantity, unit), unit);
    if (*quantity < 0 || !again.ok() || *again != *quantity) std::abort();
  }
  return 0;
}

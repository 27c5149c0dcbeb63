// Any text as credits and as quantities: what is read prints and reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "konpro/base/credits.h"
#include "konpro/catalog/operation.h"

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
    if (!quantity.ok()) continue;
    const auto again =
        konpro::ParseQuantity(konpro::FormatQuantity(*quantity, unit), unit);
    if (*quantity < 0 || !again.ok() || *again != *quantity) std::abort();
  }
  return 0;
}

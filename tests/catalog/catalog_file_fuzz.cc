// Any text: an error that says where, or a catalog that prints and parses back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "konpro/catalog/catalog_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto catalog = konpro::ParseCatalog(text, "f");
  if (!catalog.ok()) {
    const absl::string_view message = catalog.status().message();
    if (message.substr(0, 2) != "f:") std::abort();
    return 0;
  }
  const auto again = konpro::ParseCatalog(konpro::PrintCatalog(*catalog), "g");
  if (!again.ok() || !(*again == *catalog)) std::abort();
  return 0;
}

#include "konpro/input/catalog_input.h"

#include "konpro/catalog/catalog_file.h"
#include "konpro/input/input_file.h"

namespace konpro {

absl::StatusOr<Catalog> ReadCatalog(const std::string& path, std::istream& in) {
  if (path.empty()) return Catalog::BuiltIn();
  const absl::StatusOr<std::string> text =
      ReadText(path, in, kCatalogFileBytesMax);
  if (!text.ok()) return text.status();
  return ParseCatalog(*text, path);
}

}  // namespace konpro

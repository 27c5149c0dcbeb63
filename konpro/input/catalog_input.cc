#include "konpro/input/catalog_input.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/input/input_file.h"

namespace konpro {

absl::StatusOr<Catalog> ReadCatalog(const std::string& path, std::istream& in) {
  if (path.empty()) return Catalog::BuiltIn();
  InputFile input(path, in, /*progress_out=*/nullptr);
  std::string text;
  // One block more than a catalog may have is enough to refuse it.
  while (text.size() <= kCatalogFileBytesMax) {
    const absl::string_view block = input.Read();
    if (block.empty()) break;
    text.append(block.data(), block.size());
  }
  if (!input.error().empty()) {
    return absl::NotFoundError(absl::StrCat(path, ": ", input.error()));
  }
  return ParseCatalog(text, path);
}

}  // namespace konpro

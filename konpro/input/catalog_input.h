// The catalog that a command or a server works with.
//
//   ReadCatalog("", in)                      // the built-in catalog
//   ReadCatalog("prices.textproto", in)      // kNotFound without that file
//
// Thread safety: pure but for the file and `in`.
#ifndef KONPRO_INPUT_CATALOG_INPUT_H_
#define KONPRO_INPUT_CATALOG_INPUT_H_

#include <istream>
#include <string>

#include "absl/status/statusor.h"
#include "konpro/catalog/catalog.h"

namespace konpro {

// The catalog in the file at `path`, or in `in` for "-"; the built-in one for
// "". Messages begin with the path. kNotFound: it cannot be read. Other errors
// as of ParseCatalog().
absl::StatusOr<Catalog> ReadCatalog(const std::string& path, std::istream& in);

}  // namespace konpro

#endif  // KONPRO_INPUT_CATALOG_INPUT_H_

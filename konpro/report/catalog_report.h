// What a catalog sells, for people: tables of its plans and its prices. As a
// message and as text that reads back it is catalog/catalog_file.h.
//
//   PrintCatalogTables(Catalog::BuiltIn(), out);
//
// Thread safety: pure but for `out`.
#ifndef KONPRO_REPORT_CATALOG_REPORT_H_
#define KONPRO_REPORT_CATALOG_REPORT_H_

#include <ostream>

#include "konpro/catalog/catalog.h"

namespace konpro {

void PrintCatalogTables(const Catalog& catalog, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_CATALOG_REPORT_H_

// Catalogs as files: protobuf text of konpro.v1.Catalog (proto/catalog.proto,
// docs/formats.md) to Catalog and back.
//
//   ParseCatalog(text, "prices.textproto")
//       // kInvalidArgument: prices.textproto:12:5: plans[0].windows[0].limit:
//       //     0 requests are outside 1 .. 1073741823
//   ParseCatalog(PrintCatalog(catalog), "")      // equal to catalog
//
// The rules are those of Catalog::Create() and of the types within; this file
// only finds the line that broke one.
//
// Thread safety: all functions are pure.
//
// Limits: a file has at most 4 MiB.
#ifndef KONPRO_CATALOG_CATALOG_FILE_H_
#define KONPRO_CATALOG_CATALOG_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/catalog/catalog.h"
#include "konpro/limits/rate_window.h"
#include "proto/catalog.pb.h"

namespace konpro {

inline constexpr size_t kCatalogFileBytesMax = size_t{4} << 20;

// kInvalidArgument with one message `FILE:LINE:COLUMN: FIELD: what`, lines and
// columns from 1. A syntax error has no FIELD; a missing field is reported
// at the beginning of the message that lacks it.
absl::StatusOr<Catalog> ParseCatalog(absl::string_view text,
                                     absl::string_view file);

// Parses back to an equal catalog. REQUIRES: prices are decimals of at most six
// places, as those that a file can have are.
std::string PrintCatalog(const Catalog& catalog);

// The message of which PrintCatalog() is the text.
v1::Catalog CatalogToProto(const Catalog& catalog);

// One window of a plan. kInvalidArgument as RateWindow::Create().
absl::StatusOr<RateWindow> RateWindowFromProto(const v1::RateWindow& message);
v1::RateWindow RateWindowToProto(const RateWindow& window);

}  // namespace konpro

#endif  // KONPRO_CATALOG_CATALOG_FILE_H_

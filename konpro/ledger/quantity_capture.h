// A capture of a quantity: of a reservation, as the next slice of its job's
// session (session.h), by the price that the reservation keeps.
//
//   // Of "job-7", at 1 credit a second, a usage record has reported 10 s.
//   CaptureQuantity(*ledger, catalog,
//                   {.account = "acme", .id = "job-7/done",
//                    .reservation = "job-7", .at = now,
//                    .quantity = 84'000, .is_total = true})
//       ->effect.posted                                   // 74 credits
//
// Thread safety: thread-safe. A quantity is priced in the ledger's turn, so
// that nobody charges to the session in between.
#ifndef KONPRO_LEDGER_QUANTITY_CAPTURE_H_
#define KONPRO_LEDGER_QUANTITY_CAPTURE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro {

struct QuantityCapture {
  absl::string_view account;
  absl::string_view id;  // of the command
  absl::string_view reservation;
  UnixNanos at;
  int64_t quantity = 0;  // in base units of the reservation's operation
  // Whether it is of the whole job: what was charged before is part of it. If
  // more was charged before, this captures nothing more.
  bool is_total = false;
  bool final = true;
  bool collects = false;
  int64_t implausible_factor = 0;  // as kImplausibleFactor
};
// As Ledger::Apply() of a LedgerCapture. kNotFound: no reservation of the
// account has that id. kInvalidArgument: the quantity is negative or
// implausible, or the reservation has no price. kOutOfRange: the quantity or
// its cost leaves its range. Retrying is decided by the id first: what was
// charged to the session since does not matter.
absl::StatusOr<LedgerOutcome> CaptureQuantity(Ledger& ledger,
                                              const Catalog& catalog,
                                              const QuantityCapture& capture);

}  // namespace konpro

#endif  // KONPRO_LEDGER_QUANTITY_CAPTURE_H_

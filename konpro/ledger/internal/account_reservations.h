// The reservations of an account: finding one, and closing it.
#ifndef KONPRO_LEDGER_INTERNAL_ACCOUNT_RESERVATIONS_H_
#define KONPRO_LEDGER_INTERNAL_ACCOUNT_RESERVATIONS_H_

#include <cstdint>

#include "konpro/base/credits.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/internal/account_tables.h"

namespace konpro::internal {

// The slot of an open reservation. If there is none, kNoSlot, and the effect
// says why.
uint32_t FindOpen(const AccountTables& s, uint64_t sequence,
                  AccountEffect& effect);

// Releases all that a reservation holds, and returns how much that is. The
// caller calls ScheduleNext().
Credits CloseReservation(AccountTables& s, uint32_t slot, ReservationEnd end);

// Closes the reservations that expire now.
void ExpireReservations(AccountTables& s);

}  // namespace konpro::internal

#endif  // KONPRO_LEDGER_INTERNAL_ACCOUNT_RESERVATIONS_H_

// Any bytes as an account: what is read is written back to the bit, and stays
// a valid account whatever comes next.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

bool IsSound(const konpro::Account& account) {
  const konpro::Balance b = account.balance();
  __int128 sum = 0;
  bool is_sound = true;
  for (const konpro::Credits part :
       {b.available, b.pending, b.reserved, b.posted, b.expired, b.voided}) {
    is_sound = is_sound && part >= konpro::Credits();
    sum += part.ticks();
  }
  return is_sound && sum <= INT64_MAX;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto account = konpro::Account::Decode(bytes);
  if (!account.ok()) return 0;
  std::string again;
  account->EncodeTo(again);
  Require(again == bytes);
  Require(IsSound(*account));
  konpro::AccountEffect effect;
  const konpro::CommandMoment next = {.sequence = account->last_sequence() + 1,
                                      .now = account->now()};
  const konpro::Credits available = account->AvailableFor("");
  account->Apply(konpro::SpendCommand{.amount = available,
                                      .mode = konpro::DrawMode::kBestEffort},
                 next, effect);
  for (const konpro::ReservationView& r : account->Reservations()) {
    konpro::Account copy = *account;
    copy.Apply(
        konpro::CaptureCommand{.reservation = r.sequence, .amount = r.held},
        {.sequence = next.sequence + 1, .now = next.now}, effect);
    Require(IsSound(copy));
  }
  account->Advance(konpro::UnixNanos::Max());
  Require(IsSound(*account));
  return 0;
}

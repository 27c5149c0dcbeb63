#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/internal/wire.h"

// The bytes hold only what cannot be derived. What grants have reserved is the
// sum of what reservations hold, what was issued is the sum of the places, and
// whether a grant has ended follows from its end, so these cannot disagree.
// Everything else is checked; a Read() that finds an error returns false.

namespace konpro {
namespace {

using ::konpro::internal::AccountTables;
using ::konpro::internal::AllowanceState;
using ::konpro::internal::ClosedReservation;
using ::konpro::internal::Draw;
using ::konpro::internal::GrantState;
using ::konpro::internal::HasCome;
using ::konpro::internal::HasEnded;
using ::konpro::internal::kNoSlot;
using ::konpro::internal::Places;
using ::konpro::internal::ReservationEnd;
using ::konpro::internal::ReservationState;
using ::konpro::internal::WireReader;
using ::konpro::internal::WireWriter;

constexpr uint8_t kVersion = 2;

void Write(WireWriter& out, const std::vector<std::string>& operations) {
  out.Varint(operations.size());
  for (const std::string& operation : operations) out.Text(operation);
}

// All but what is reserved.
void Write(WireWriter& out, const Places& places) {
  out.Amount(places.free);
  out.Amount(places.posted);
  out.Amount(places.expired);
  out.Amount(places.voided);
}

void Write(WireWriter& out, const GrantState& grant) {
  out.Varint(grant.number);
  out.Text(grant.id);
  out.Signed(grant.priority);
  out.Byte(static_cast<uint8_t>(grant.kind));
  out.Byte(grant.is_voided ? 1 : 0);
  out.Time(grant.effective_at);
  out.Time(grant.expires_at);
  out.Time(grant.posted_at);
  Write(out, grant.operations);
  Write(out, grant.places);
}

void Write(WireWriter& out, const AccountTables& state,
           const ReservationState& reservation) {
  out.Varint(reservation.sequence);
  out.Time(reservation.expires_at);
  out.Amount(reservation.captured);
  out.Byte(static_cast<uint8_t>(reservation.overrun));
  out.Text(reservation.operation);
  out.Varint(reservation.held.size());
  for (const Draw& draw : reservation.held) {
    out.Varint(state.grants[draw.slot].number);
    out.Amount(draw.amount);
  }
}

void Write(WireWriter& out, const ClosedReservation& closed) {
  out.Varint(closed.sequence);
  out.Byte(static_cast<uint8_t>(closed.end));
  out.Amount(closed.captured);
  out.Amount(closed.released);
}

void Write(WireWriter& out, const AllowanceState& series) {
  const Allowance::Spec& spec = series.allowance.spec();
  out.Text(spec.source);
  out.Text(spec.item);
  out.Amount(spec.amount);
  out.Byte(static_cast<uint8_t>(spec.cycle));
  out.Varint(static_cast<uint64_t>(spec.anchor - absl::CivilDay(1970, 1, 1)));
  out.Text(spec.zone);
  out.Signed(spec.priority);
  Write(out, spec.operations);
  out.Byte(static_cast<uint8_t>(spec.kind));
  out.Amount(spec.rollover_max);
  out.Varint(static_cast<uint64_t>(spec.periods));
  out.Varint(static_cast<uint64_t>(series.next_index));
  out.Time(series.next_begin);
  out.Varint(series.current_grant);
}

bool Read(WireReader& in, std::vector<std::string>& operations) {
  const size_t count = in.Count(AccountLimits::kGrantOperationsMax);
  for (size_t i = 0; i < count; ++i) {
    operations.emplace_back(in.Text(AccountLimits::kOperationBytesMax));
    if (operations.back().empty()) return false;
  }
  return !in.failed();
}

void Read(WireReader& in, Places& places) {
  places.free = in.Amount();
  places.posted = in.Amount();
  places.expired = in.Amount();
  places.voided = in.Amount();
}

// Adds to what was issued in all.
bool Issue(AccountTables& state, const Places& places) {
  for (const Credits part :
       {places.free, places.posted, places.expired, places.voided}) {
    const std::optional<Credits> sum = CheckedAdd(state.issued, part);
    if (!sum.has_value()) return false;
    state.issued = *sum;
  }
  return true;
}

bool ReadGrant(WireReader& in, uint64_t& number_before, AccountTables& state) {
  GrantState grant;
  grant.number = in.Varint();
  grant.id = std::string(in.Text(AccountLimits::kGrantIdBytesMax));
  const int64_t priority = in.Signed();
  const uint8_t kind = in.Byte();
  const uint8_t is_voided = in.Byte();
  grant.effective_at = in.Time();
  grant.expires_at = in.Time();
  grant.posted_at = in.Time();
  if (!Read(in, grant.operations)) return false;
  Read(in, grant.places);
  grant.priority = static_cast<int32_t>(priority);
  grant.kind = static_cast<GrantKind>(kind);
  grant.is_voided = is_voided != 0;
  if (in.failed() || grant.number <= number_before ||
      grant.number > state.grants_made || grant.id.empty() ||
      state.grants_by_id.contains(grant.id) || grant.priority != priority ||
      kind > static_cast<uint8_t>(GrantKind::kPromotional) || is_voided > 1 ||
      grant.effective_at >= grant.expires_at || grant.posted_at > state.now) {
    return false;
  }
  const Places& places = grant.places;
  const bool has_ended = HasEnded(grant, state.now);
  const bool is_pending = grant.effective_at > state.now;
  if ((has_ended && places.free != Credits()) ||
      (is_pending && places.posted != Credits()) ||
      ((!has_ended || grant.is_voided) && places.expired != Credits()) ||
      (!grant.is_voided && places.voided != Credits()) ||
      !Issue(state, places)) {
    return false;
  }
  number_before = grant.number;
  internal::InsertGrant(state, std::move(grant));
  return true;
}

bool ReadReservation(WireReader& in, uint64_t& sequence_before,
                     AccountTables& state) {
  const uint64_t sequence = in.Varint();
  const UnixNanos expires_at = in.Time();
  const Credits captured = in.Amount();
  const uint8_t overrun = in.Byte();
  const absl::string_view operation =
      in.Text(AccountLimits::kOperationBytesMax);
  const size_t count = in.Count(AccountLimits::kAllocationsMax);
  if (in.failed() || sequence <= sequence_before ||
      sequence > state.last_sequence || HasCome(expires_at, state.now) ||
      overrun > static_cast<uint8_t>(Overrun::kTopUp)) {
    return false;
  }
  sequence_before = sequence;
  ReservationState& reservation =
      internal::InsertReservation(state, sequence, expires_at);
  reservation.captured = captured;
  reservation.overrun = static_cast<Overrun>(overrun);
  reservation.operation = std::string(operation);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t slot = internal::FindGrant(state, in.Varint());
    const Credits amount = in.Amount();
    const std::optional<Credits> issued = CheckedAdd(state.issued, amount);
    if (in.failed() || slot == kNoSlot || amount == Credits() ||
        !issued.has_value() || state.grants[slot].effective_at > state.now) {
      return false;
    }
    state.issued = *issued;
    Credits& reserved = state.grants[slot].places.reserved;
    reserved = internal::Plus(reserved, amount);
    reservation.held.push_back({.slot = slot, .amount = amount});
  }
  return true;
}

bool ReadClosed(WireReader& in, AccountTables& state) {
  ClosedReservation closed;
  closed.sequence = in.Varint();
  const uint8_t end = in.Byte();
  closed.end = static_cast<ReservationEnd>(end);
  closed.captured = in.Amount();
  closed.released = in.Amount();
  if (in.failed() || closed.sequence == 0 ||
      closed.sequence > state.last_sequence ||
      end > static_cast<uint8_t>(ReservationEnd::kExpired) ||
      state.reservations_by_sequence.contains(closed.sequence) ||
      std::any_of(state.closed.begin(), state.closed.end(), [&](const auto& c) {
        return c.sequence == closed.sequence;
      })) {
    return false;
  }
  state.closed.push_back(closed);
  return true;
}

bool ReadRefunded(WireReader& in, AccountTables& state) {
  const uint64_t posting = in.Varint();
  const UnixNanos posted_at = in.Time();
  const Credits refunded = in.Amount();
  if (in.failed() || posting == 0 || posting > state.last_sequence ||
      (!state.refunded.empty() &&
       posting <= std::prev(state.refunded.end())->first) ||
      posted_at > state.now || refunded == Credits()) {
    return false;
  }
  state.refunded.emplace(posting,
                         internal::RefundedPosting{posted_at, refunded});
  return true;
}

std::optional<Allowance> ReadAllowance(WireReader& in) {
  Allowance::Spec spec;
  spec.source = std::string(in.Text(Allowance::kNameBytesMax));
  spec.item = std::string(in.Text(Allowance::kNameBytesMax));
  spec.amount = in.Amount();
  spec.cycle = static_cast<Cycle>(in.Byte());
  // Far after the last anchor, and too small to overflow.
  const uint64_t days = std::min<uint64_t>(in.Varint(), 1'000'000);
  spec.anchor = absl::CivilDay(1970, 1, 1) + static_cast<int64_t>(days);
  spec.zone = std::string(in.Text(Allowance::kZoneBytesMax));
  const int64_t priority = in.Signed();
  spec.priority = static_cast<int32_t>(priority);
  if (!Read(in, spec.operations)) return std::nullopt;
  spec.kind = static_cast<GrantKind>(in.Byte());
  spec.rollover_max = in.Amount();
  spec.periods = in.Time().nanos();
  if (in.failed() || spec.priority != priority) return std::nullopt;
  absl::StatusOr<Allowance> allowance = Allowance::Create(std::move(spec));
  if (!allowance.ok()) return std::nullopt;
  return *std::move(allowance);
}

// With another time zone database than the writer's, a begin may differ from
// what the allowance computes.
bool ReadSeries(WireReader& in, AccountTables& state) {
  std::optional<Allowance> allowance = ReadAllowance(in);
  if (!allowance.has_value()) return false;
  AllowanceState series = {.allowance = *std::move(allowance)};
  const uint64_t index = in.Varint();
  series.next_begin = in.Time();
  series.current_grant = in.Varint();
  if (in.failed() || series.next_begin <= state.now ||
      index >= static_cast<uint64_t>(series.allowance.index_end()) ||
      internal::FindSeries(state, series.allowance.spec().source,
                           series.allowance.spec().item) !=
          state.allowances.size()) {
    return false;
  }
  series.next_index = static_cast<int64_t>(index);
  if (series.current_grant != 0) {
    const uint32_t slot = internal::FindGrant(state, series.current_grant);
    if (slot == kNoSlot || HasEnded(state.grants[slot], state.now) ||
        state.grants[slot].expires_at != series.next_begin) {
      return false;
    }
  }
  state.allowances.push_back(std::move(series));
  return true;
}

absl::Status Lost(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("account: ", what, ": no commands lead to this state"));
}

// Reads a table whose entries `read_entry` reads one by one.
template <typename ReadEntry>
bool ReadTable(WireReader& in, size_t most, ReadEntry read_entry) {
  const size_t count = in.Count(most);
  for (size_t i = 0; i < count; ++i) {
    if (!read_entry()) return false;
  }
  return !in.failed();
}

}  // namespace

void Account::EncodeTo(std::string& out) const {
  const AccountTables& s = state_;
  WireWriter writer(out);
  writer.Byte(kVersion);
  writer.Time(s.now);
  writer.Varint(s.last_sequence);
  writer.Varint(s.grants_made);
  Write(writer, s.folded);
  writer.Amount(s.uncollected);
  writer.Varint(s.created.size());
  for (const uint32_t slot : s.created) Write(writer, s.grants[slot]);
  std::vector<uint32_t> open;
  open.reserve(s.reservations_by_sequence.size());
  for (uint32_t slot = 0; slot < s.reservations.size(); ++slot) {
    if (s.reservations[slot].sequence != 0) open.push_back(slot);
  }
  std::sort(open.begin(), open.end(), [&](uint32_t a, uint32_t b) {
    return s.reservations[a].sequence < s.reservations[b].sequence;
  });
  writer.Varint(open.size());
  for (const uint32_t slot : open) Write(writer, s, s.reservations[slot]);
  writer.Varint(s.closed.size());
  for (size_t i = 0; i < s.closed.size(); ++i) {
    Write(writer, s.closed[(s.closed_begin + i) % s.closed.size()]);
  }
  writer.Varint(s.refunded.size());
  for (const auto& [posting, entry] : s.refunded) {
    writer.Varint(posting);
    writer.Time(entry.posted_at);
    writer.Amount(entry.refunded);
  }
  writer.Varint(s.allowances.size());
  for (const AllowanceState& series : s.allowances) Write(writer, series);
}

absl::StatusOr<Account> Account::Decode(absl::string_view bytes) {
  Account account;
  AccountTables& s = account.state_;
  WireReader in(bytes);
  if (in.Byte() != kVersion) return Lost("version");
  s.now = in.Time();
  s.last_sequence = in.Varint();
  s.grants_made = in.Varint();
  Read(in, s.folded);
  if (in.failed() || s.folded.free != Credits() || !Issue(s, s.folded)) {
    return Lost("folded");
  }
  s.uncollected = in.Amount();
  uint64_t number = 0;
  // Grants of allowances may exceed kGrantsMax: their bytes are the limit.
  if (!ReadTable(in, bytes.size(), [&] { return ReadGrant(in, number, s); })) {
    return Lost("grants");
  }
  uint64_t sequence = 0;
  if (!ReadTable(in, AccountLimits::kOpenReservationsMax,
                 [&] { return ReadReservation(in, sequence, s); })) {
    return Lost("reservations");
  }
  if (!ReadTable(in, AccountLimits::kClosedReservationsMax,
                 [&] { return ReadClosed(in, s); })) {
    return Lost("closed reservations");
  }
  if (!ReadTable(in, AccountLimits::kRefundedPostingsMax,
                 [&] { return ReadRefunded(in, s); })) {
    return Lost("refunded postings");
  }
  if (!ReadTable(in, AccountLimits::kAllowancesMax,
                 [&] { return ReadSeries(in, s); })) {
    return Lost("allowances");
  }
  if (!internal::Fits(s, 0)) return Lost("promised grants");
  if (!in.done()) return Lost("end");
  internal::ScheduleGrants(s);
  return account;
}

}  // namespace konpro

#include "konpro/journal.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "konpro/internal/byte_coder.h"
#include "konpro/internal/sha256.h"

namespace konpro {
namespace {

using internal::ByteReader;
using internal::ByteWriter;

constexpr uint8_t kEntryVersion = 1;

// The alternatives of LedgerRequest by number: never renumbered.
enum class Kind : uint8_t {
  kGrant = 1,
  kAllowance = 2,
  kEndAllowance = 3,
  kVoidGrant = 4,
  kReserve = 5,
  kCapture = 6,
  kVoid = 7,
  kSpend = 8,
  kRefund = 9,
};

// What an entry has: one bit each, in the order of the fields.
constexpr uint8_t kHasEventTime = 1;
constexpr uint8_t kHasPricing = 2;
constexpr uint8_t kFlags = 3;

constexpr uint8_t kHasNeed = 1;
constexpr uint8_t kHasReleased = 2;
constexpr uint8_t kHasHeld = 4;
constexpr uint8_t kHasPosted = 8;
constexpr uint8_t kHasRefunded = 16;
constexpr uint8_t kEffectFlags = 31;

constexpr uint8_t kHasAmount = 1;
constexpr uint8_t kIsFinal = 2;

const absl::CivilDay kFirstDay(1970, 1, 1);

// Writing. Amounts are as unsigned, since those of a journal are not negative;
// one that is would be long, not wrong.

void PutAmount(ByteWriter& writer, Credits amount) {
  writer.PutVarint(static_cast<uint64_t>(amount.ticks()));
}
void PutTime(ByteWriter& writer, UnixNanos time) {
  writer.PutVarint(static_cast<uint64_t>(time.nanos()));
}
template <typename E>
void PutEnum(ByteWriter& writer, E value) {
  writer.PutByte(static_cast<uint8_t>(value));
}
void PutAllocations(ByteWriter& writer, absl::Span<const Allocation> parts) {
  writer.PutVarint(parts.size());
  for (const Allocation& part : parts) {
    writer.PutVarint(part.grant);
    PutAmount(writer, part.amount);
  }
}
void PutTexts(ByteWriter& writer, absl::Span<const std::string> texts) {
  writer.PutVarint(texts.size());
  for (const std::string& text : texts) writer.PutText(text);
}

// What one number, and an allocation, may take.
constexpr size_t kNumberRoom = ByteWriter::kVarintBytesMax;
constexpr size_t kAllocationRoom = 2 * kNumberRoom;

size_t RoomOf(absl::Span<const std::string> texts) {
  size_t room = kNumberRoom;
  for (const std::string& text : texts) room += kNumberRoom + text.size();
  return room;
}

size_t RoomOf(const LedgerRequest& request) {
  return std::visit(
      [](const auto& r) -> size_t {
        using R = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<R, GrantCommand>) {
          return r.id.size() + RoomOf(r.operations);
        } else if constexpr (std::is_same_v<R, AllowanceCommand>) {
          const Allowance::Spec& spec = r.allowance.spec();
          return spec.source.size() + spec.item.size() + spec.zone.size() +
                 RoomOf(spec.operations);
        } else if constexpr (std::is_same_v<R, EndAllowanceCommand>) {
          return r.source.size() + r.item.size();
        } else if constexpr (std::is_same_v<R, VoidGrantCommand>) {
          return r.grant.size();
        } else if constexpr (std::is_same_v<R, CaptureRequest> ||
                             std::is_same_v<R, VoidRequest>) {
          return r.reservation.size();
        } else if constexpr (std::is_same_v<R, RefundRequest>) {
          return r.command.size();
        } else {
          return r.operation.size();
        }
      },
      request);
}

// The numbers of no kind take more than this, nor do those of what is common.
constexpr size_t kFieldsRoom = 48 * kNumberRoom;

size_t RoomOf(const LedgerCommand& command, const Resolution& resolution,
              const Effect& effect) {
  size_t room = kFieldsRoom + command.account.size() + command.id.size() +
                RoomOf(command.request);
  if (command.pricing.has_value()) {
    room += command.pricing->catalog_version.size() +
            command.pricing->operation.size() + command.pricing->job.size();
  }
  return room + kAllocationRoom *
                    (resolution.posted.size() + effect.held.size() +
                     effect.posted.size() + effect.refunded.size());
}

void PutRequest(ByteWriter& writer, const GrantCommand& grant,
                const Resolution&) {
  writer.PutText(grant.id);
  PutAmount(writer, grant.amount);
  writer.PutSigned(grant.priority);
  PutTime(writer, grant.effective_at);
  PutTime(writer, grant.expires_at);
  PutEnum(writer, grant.kind);
  PutTexts(writer, grant.operations);
}

void PutRequest(ByteWriter& writer, const AllowanceCommand& command,
                const Resolution&) {
  const Allowance::Spec& spec = command.allowance.spec();
  writer.PutText(spec.source);
  writer.PutText(spec.item);
  PutAmount(writer, spec.amount);
  PutEnum(writer, spec.cycle);
  writer.PutSigned(spec.anchor - kFirstDay);
  writer.PutText(spec.zone);
  writer.PutSigned(spec.priority);
  PutEnum(writer, spec.kind);
  PutTexts(writer, spec.operations);
  PutAmount(writer, spec.rollover_max);
  writer.PutSigned(spec.periods);
}

void PutRequest(ByteWriter& writer, const EndAllowanceCommand& command,
                const Resolution&) {
  writer.PutText(command.source);
  writer.PutText(command.item);
}

void PutRequest(ByteWriter& writer, const VoidGrantCommand& command,
                const Resolution&) {
  writer.PutText(command.grant);
}

void PutRequest(ByteWriter& writer, const ReserveRequest& reserve,
                const Resolution&) {
  PutAmount(writer, reserve.amount);
  writer.PutText(reserve.operation);
  writer.PutSigned(absl::ToInt64Nanoseconds(reserve.timeout));
  PutEnum(writer, reserve.overrun);
  PutEnum(writer, reserve.mode);
}

void PutRequest(ByteWriter& writer, const CaptureRequest& capture,
                const Resolution& resolution) {
  writer.PutText(capture.reservation);
  writer.PutByte(static_cast<uint8_t>(
      (capture.amount.has_value() ? kHasAmount : 0) |
      (capture.final ? kIsFinal : 0)));
  writer.PutVarint(resolution.target);
  PutAmount(writer, resolution.amount);
}

void PutRequest(ByteWriter& writer, const VoidRequest& request,
                const Resolution& resolution) {
  writer.PutText(request.reservation);
  writer.PutVarint(resolution.target);
}

void PutRequest(ByteWriter& writer, const SpendCommand& spend,
                const Resolution&) {
  PutAmount(writer, spend.amount);
  writer.PutText(spend.operation);
  PutEnum(writer, spend.mode);
}

void PutRequest(ByteWriter& writer, const RefundRequest& refund,
                const Resolution& resolution) {
  writer.PutText(refund.command);
  writer.PutVarint(refund.sequence);
  writer.PutByte(refund.amount.has_value() ? kHasAmount : 0);
  writer.PutVarint(resolution.target);
  PutAmount(writer, resolution.amount);
  PutTime(writer, resolution.posted_at);
  PutAllocations(writer, resolution.posted);
}

void PutPricing(ByteWriter& writer, const Pricing& pricing) {
  writer.PutText(pricing.catalog_version);
  writer.PutText(pricing.operation);
  writer.PutSigned(pricing.quantity);
  writer.PutSigned(pricing.quantity_before);
  PutAmount(writer, pricing.terms.credits);
  writer.PutSigned(pricing.terms.per);
  writer.PutSigned(pricing.terms.increment);
  writer.PutSigned(pricing.terms.minimum);
  PutTime(writer, pricing.effective_at);
  writer.PutText(pricing.job);
}

void PutEffect(ByteWriter& writer, const Effect& effect) {
  const bool has_need = effect.need != Credits() || effect.available != Credits();
  const bool has_released = effect.released != Credits();
  PutEnum(writer, effect.refusal);
  writer.PutByte(static_cast<uint8_t>(
      (has_need ? kHasNeed : 0) | (has_released ? kHasReleased : 0) |
      (!effect.held.empty() ? kHasHeld : 0) |
      (!effect.posted.empty() ? kHasPosted : 0) |
      (!effect.refunded.empty() ? kHasRefunded : 0)));
  if (has_need) {
    PutAmount(writer, effect.need);
    PutAmount(writer, effect.available);
  }
  if (has_released) PutAmount(writer, effect.released);
  if (!effect.held.empty()) PutAllocations(writer, effect.held);
  if (!effect.posted.empty()) PutAllocations(writer, effect.posted);
  if (!effect.refunded.empty()) PutAllocations(writer, effect.refunded);
}

// Reading: each of these fails the reader where a value has no such form.

Credits ReadAmount(ByteReader& reader) {
  return Credits::FromTicks(static_cast<int64_t>(reader.Varint()));
}
UnixNanos ReadTime(ByteReader& reader) {
  const auto nanos = static_cast<int64_t>(reader.Varint());
  if (nanos < 0) reader.Fail();
  return UnixNanos::FromNanos(nanos);
}
template <typename E>
E ReadEnum(ByteReader& reader, E last) {
  const uint8_t value = reader.Byte();
  if (value <= static_cast<uint8_t>(last)) return static_cast<E>(value);
  reader.Fail();
  return E{};
}
uint8_t ReadFlags(ByteReader& reader, uint8_t known) {
  const uint8_t flags = reader.Byte();
  return (flags & ~known) == 0 ? flags : reader.Fail();
}
int32_t ReadPriority(ByteReader& reader) {
  const int64_t value = reader.Signed();
  if (value != static_cast<int32_t>(value)) reader.Fail();
  return static_cast<int32_t>(value);
}
void ReadAllocations(ByteReader& reader, std::vector<Allocation>& parts) {
  const uint64_t count = reader.Varint();
  // Each takes two bytes at least.
  if (count > reader.rest().size() / 2) reader.Fail();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    const uint64_t grant = reader.Varint();
    parts.push_back({.grant = grant, .amount = ReadAmount(reader)});
  }
}
std::vector<std::string> ReadTexts(ByteReader& reader) {
  std::vector<std::string> texts;
  const uint64_t count = reader.Varint();
  if (count > reader.rest().size()) reader.Fail();
  for (uint64_t i = 0; i < count && reader.ok(); ++i) {
    texts.emplace_back(reader.Text());
  }
  return texts;
}

GrantCommand ReadGrant(ByteReader& reader) {
  GrantCommand grant;
  grant.id = std::string(reader.Text());
  grant.amount = ReadAmount(reader);
  grant.priority = ReadPriority(reader);
  grant.effective_at = ReadTime(reader);
  grant.expires_at = ReadTime(reader);
  grant.kind = ReadEnum(reader, GrantKind::kPromotional);
  grant.operations = ReadTexts(reader);
  return grant;
}

void ReadAllowance(ByteReader& reader, LedgerRequest& request) {
  Allowance::Spec spec;
  spec.source = std::string(reader.Text());
  spec.item = std::string(reader.Text());
  spec.amount = ReadAmount(reader);
  spec.cycle = ReadEnum(reader, Cycle::kYear);
  const int64_t day = reader.Signed();
  // What absl::CivilDay can count to; Create() knows the limits.
  if (day < -(int64_t{1} << 40) || day > int64_t{1} << 40) reader.Fail();
  spec.anchor = kFirstDay + (reader.ok() ? day : 0);
  spec.zone = std::string(reader.Text());
  spec.priority = ReadPriority(reader);
  spec.kind = ReadEnum(reader, GrantKind::kPromotional);
  spec.operations = ReadTexts(reader);
  spec.rollover_max = ReadAmount(reader);
  spec.periods = reader.Signed();
  if (!reader.ok()) return;
  absl::StatusOr<Allowance> allowance = Allowance::Create(std::move(spec));
  if (!allowance.ok()) {
    reader.Fail();
    return;
  }
  request.emplace<AllowanceCommand>(AllowanceCommand{*std::move(allowance)});
}

ReserveRequest ReadReserve(ByteReader& reader) {
  ReserveRequest reserve;
  reserve.amount = ReadAmount(reader);
  reserve.operation = reader.Text();
  reserve.timeout = absl::Nanoseconds(reader.Signed());
  reserve.overrun = ReadEnum(reader, Overrun::kTopUp);
  reserve.mode = ReadEnum(reader, Mode::kBestEffort);
  return reserve;
}

CaptureRequest ReadCapture(ByteReader& reader, Resolution& resolution) {
  CaptureRequest capture;
  capture.reservation = reader.Text();
  const uint8_t flags = ReadFlags(reader, kHasAmount | kIsFinal);
  capture.final = (flags & kIsFinal) != 0;
  resolution.target = reader.Varint();
  resolution.amount = ReadAmount(reader);
  if ((flags & kHasAmount) != 0) capture.amount = resolution.amount;
  return capture;
}

SpendCommand ReadSpend(ByteReader& reader) {
  SpendCommand spend;
  spend.amount = ReadAmount(reader);
  spend.operation = reader.Text();
  spend.mode = ReadEnum(reader, Mode::kBestEffort);
  return spend;
}

RefundRequest ReadRefund(ByteReader& reader, Resolution& resolution) {
  RefundRequest refund;
  refund.command = reader.Text();
  refund.sequence = reader.Varint();
  const uint8_t flags = ReadFlags(reader, kHasAmount);
  resolution.target = reader.Varint();
  resolution.amount = ReadAmount(reader);
  resolution.posted_at = ReadTime(reader);
  ReadAllocations(reader, resolution.posted);
  if (flags != 0) refund.amount = resolution.amount;
  return refund;
}

void ReadRequest(ByteReader& reader, Kind kind, JournalEntry& entry) {
  LedgerRequest& request = entry.command.request;
  Resolution& resolution = entry.resolution;
  switch (kind) {
    case Kind::kGrant:
      request = ReadGrant(reader);
      return;
    case Kind::kAllowance:
      ReadAllowance(reader, request);
      return;
    case Kind::kEndAllowance: {
      const absl::string_view source = reader.Text();
      request = EndAllowanceCommand{.source = source, .item = reader.Text()};
      return;
    }
    case Kind::kVoidGrant:
      request = VoidGrantCommand{.grant = reader.Text()};
      return;
    case Kind::kReserve:
      request = ReadReserve(reader);
      return;
    case Kind::kCapture:
      request = ReadCapture(reader, resolution);
      return;
    case Kind::kVoid:
      request = VoidRequest{.reservation = reader.Text()};
      resolution.target = reader.Varint();
      return;
    case Kind::kSpend:
      request = ReadSpend(reader);
      return;
    case Kind::kRefund:
      request = ReadRefund(reader, resolution);
      return;
  }
  reader.Fail();
}

Pricing ReadPricing(ByteReader& reader) {
  Pricing pricing;
  pricing.catalog_version = reader.Text();
  pricing.operation = reader.Text();
  pricing.quantity = reader.Signed();
  pricing.quantity_before = reader.Signed();
  pricing.terms.credits = ReadAmount(reader);
  pricing.terms.per = reader.Signed();
  pricing.terms.increment = reader.Signed();
  pricing.terms.minimum = reader.Signed();
  pricing.effective_at = ReadTime(reader);
  pricing.job = reader.Text();
  return pricing;
}

void ReadEffect(ByteReader& reader, Effect& effect) {
  effect.refusal = ReadEnum(reader, Refusal::kUnknownAllowance);
  const uint8_t flags = ReadFlags(reader, kEffectFlags);
  if ((flags & kHasNeed) != 0) {
    effect.need = ReadAmount(reader);
    effect.available = ReadAmount(reader);
    if (effect.need == Credits() && effect.available == Credits()) {
      reader.Fail();
    }
  }
  if ((flags & kHasReleased) != 0) {
    effect.released = ReadAmount(reader);
    if (effect.released == Credits()) reader.Fail();
  }
  const std::pair<uint8_t, std::vector<Allocation>*> lists[] = {
      {kHasHeld, &effect.held},
      {kHasPosted, &effect.posted},
      {kHasRefunded, &effect.refunded},
  };
  for (const auto& [flag, parts] : lists) {
    if ((flags & flag) == 0) continue;
    ReadAllocations(reader, *parts);
    if (parts->empty()) reader.Fail();
  }
}

void Clear(Resolution& resolution) {
  resolution.target = 0;
  resolution.amount = Credits();
  resolution.posted_at = UnixNanos();
  resolution.posted.clear();
}

UnixNanos After(UnixNanos time, absl::Duration duration) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  int64_t sum = 0;
  if (__builtin_add_overflow(time.nanos(), nanos, &sum)) return UnixNanos::Max();
  return UnixNanos::FromNanos(sum);
}

}  // namespace

void EncodeEntry(const EntryPlace& place, const LedgerCommand& command,
                 const Resolution& resolution, const Effect& effect,
                 std::string& out) {
  ByteWriter writer(out, RoomOf(command, resolution, effect));
  writer.PutByte(kEntryVersion);
  writer.PutByte(static_cast<uint8_t>(command.request.index() + 1));
  writer.PutByte(static_cast<uint8_t>(
      (command.event_at.has_value() ? kHasEventTime : 0) |
      (command.pricing.has_value() ? kHasPricing : 0)));
  writer.PutVarint(place.sequence);
  writer.PutVarint(place.previous);
  writer.PutFixed64(static_cast<uint64_t>(place.at.nanos()));
  writer.PutText(command.account);
  writer.PutText(command.id);
  if (command.event_at.has_value()) {
    writer.PutFixed64(static_cast<uint64_t>(command.event_at->nanos()));
  }
  std::visit([&](const auto& r) { PutRequest(writer, r, resolution); },
             command.request);
  if (command.pricing.has_value()) PutPricing(writer, *command.pricing);
  PutEffect(writer, effect);
}

// The order of the alternatives is that of the kinds.
static_assert(std::variant_size_v<LedgerRequest> ==
              static_cast<size_t>(Kind::kRefund));
static_assert(
    std::is_same_v<std::variant_alternative_t<0, LedgerRequest>, GrantCommand>);
static_assert(std::is_same_v<std::variant_alternative_t<8, LedgerRequest>,
                             RefundRequest>);

absl::Status DecodeEntry(absl::string_view bytes, JournalEntry& entry) {
  ByteReader reader(bytes);
  Clear(entry.resolution);
  entry.effect.Clear();
  entry.command.event_at.reset();
  entry.command.pricing.reset();
  if (reader.Byte() != kEntryVersion) {
    return absl::DataLossError("an entry of another version, or none");
  }
  const auto kind = static_cast<Kind>(reader.Byte());
  const uint8_t flags = ReadFlags(reader, kFlags);
  entry.place.sequence = reader.Varint();
  entry.place.previous = reader.Varint();
  const auto fixed_time = [&reader] {
    const auto nanos = static_cast<int64_t>(reader.Fixed64());
    if (nanos < 0) reader.Fail();
    return UnixNanos::FromNanos(nanos);
  };
  entry.place.at = fixed_time();
  entry.command.at = entry.place.at;
  entry.command.account = reader.Text();
  entry.command.id = reader.Text();
  if ((flags & kHasEventTime) != 0) entry.command.event_at = fixed_time();
  if (reader.ok()) ReadRequest(reader, kind, entry);
  if ((flags & kHasPricing) != 0) entry.command.pricing = ReadPricing(reader);
  ReadEffect(reader, entry.effect);
  if (!reader.AtEnd()) {
    return absl::DataLossError("the bytes are of no entry");
  }
  return absl::OkStatus();
}

absl::StatusOr<JournalEntry> DecodeEntry(absl::string_view bytes) {
  JournalEntry entry;
  absl::Status status = DecodeEntry(bytes, entry);
  if (!status.ok()) return status;
  return entry;
}

JournalHash ChainHash(const JournalHash& before, absl::string_view bytes) {
  thread_local internal::Sha256 sha256;
  return sha256({internal::BytesOf(before), bytes});
}

void ApplyCommand(const EntryPlace& place, const LedgerCommand& command,
                  const Resolution& resolution, Account& account,
                  Effect& effect) {
  const Moment moment{.sequence = place.sequence, .now = place.at};
  std::visit(
      [&](const auto& r) {
        using R = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<R, ReserveRequest>) {
          account.Apply(ReserveCommand{.amount = r.amount,
                                       .operation = r.operation,
                                       .expires_at = After(place.at, r.timeout),
                                       .overrun = r.overrun,
                                       .mode = r.mode},
                        moment, effect);
        } else if constexpr (std::is_same_v<R, CaptureRequest>) {
          account.Apply(CaptureCommand{.reservation = resolution.target,
                                       .amount = resolution.amount,
                                       .final = r.final},
                        moment, effect);
        } else if constexpr (std::is_same_v<R, VoidRequest>) {
          account.Apply(VoidCommand{.reservation = resolution.target}, moment,
                        effect);
        } else if constexpr (std::is_same_v<R, RefundRequest>) {
          account.Apply(RefundCommand{.posting = resolution.target,
                                      .posted_at = resolution.posted_at,
                                      .posted = resolution.posted,
                                      .amount = resolution.amount},
                        moment, effect);
        } else if constexpr (std::is_same_v<R, GrantCommand>) {
          if (!r.id.empty()) return account.Apply(r, moment, effect);
          GrantCommand named = r;
          named.id = std::string(command.id);
          account.Apply(named, moment, effect);
        } else {
          account.Apply(r, moment, effect);
        }
      },
      command.request);
}

bool SameEffect(const Effect& a, const Effect& b) {
  return a.refusal == b.refusal && a.need == b.need &&
         a.available == b.available && a.held == b.held &&
         a.posted == b.posted && a.refunded == b.refunded &&
         a.released == b.released;
}

}  // namespace konpro

#include "konpro/ledger/internal/journal_codec.h"

#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"
#include "konpro/ledger/internal/sha256.h"
#include "konpro/ledger/internal/wire.h"

namespace konpro::internal {
namespace {

// Also fails on a value that no writer writes.
class EntryReader : public WireReader {
 public:
  using WireReader::WireReader;

  void Fail() { is_wrong_ = true; }
  bool ok() const { return !is_wrong_ && !failed(); }
  bool AtEnd() const { return !is_wrong_ && done(); }

 private:
  bool is_wrong_ = false;
};

constexpr uint8_t kEntryVersion = 4;

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

// Which fields an entry has: one bit each, in the order of the fields.
constexpr uint8_t kHasEventTime = 1;
constexpr uint8_t kHasPricing = 2;
constexpr uint8_t kSettlesJob = 4;  // of a spend
constexpr uint8_t kFlags = 7;

constexpr uint8_t kHasShortage = 1;
constexpr uint8_t kHasReleased = 2;
constexpr uint8_t kHasHeld = 4;
constexpr uint8_t kHasPosted = 8;
constexpr uint8_t kHasRefunded = 16;
constexpr uint8_t kHasUncollected = 32;
constexpr uint8_t kEffectFlags = 63;

constexpr uint8_t kHasAmount = 1;
constexpr uint8_t kIsFinal = 2;
constexpr uint8_t kCollects = 4;
constexpr uint8_t kIsRecord = 8;
constexpr uint8_t kCaptureFlags = 15;

// Longer than any text of a legal command.
constexpr size_t kTextBytesMax = 1024;

const absl::CivilDay kFirstDay(1970, 1, 1);

// Writing.

template <typename E>
void PutEnum(WireWriter& writer, E value) {
  writer.Byte(static_cast<uint8_t>(value));
}
void PutAllocations(WireWriter& writer, absl::Span<const Allocation> parts) {
  writer.Varint(parts.size());
  for (const Allocation& part : parts) {
    writer.Varint(part.grant);
    writer.Amount(part.amount);
  }
}
void PutTexts(WireWriter& writer, absl::Span<const std::string> texts) {
  writer.Varint(texts.size());
  for (const std::string& text : texts) writer.Text(text);
}

void PutRequest(WireWriter& writer, const GrantCommand& grant,
                const Resolution&) {
  writer.Text(grant.id);
  writer.Amount(grant.amount);
  writer.Signed(grant.priority);
  writer.Time(grant.effective_at);
  writer.Time(grant.expires_at);
  PutEnum(writer, grant.kind);
  PutTexts(writer, grant.operations);
}

void PutRequest(WireWriter& writer, const AllowanceCommand& command,
                const Resolution&) {
  const Allowance::Spec& spec = command.allowance.spec();
  writer.Text(spec.source);
  writer.Text(spec.item);
  writer.Amount(spec.amount);
  PutEnum(writer, spec.cycle);
  writer.Signed(spec.anchor - kFirstDay);
  writer.Text(spec.zone);
  writer.Signed(spec.priority);
  PutEnum(writer, spec.kind);
  PutTexts(writer, spec.operations);
  writer.Amount(spec.rollover_max);
  writer.Signed(spec.periods);
}

void PutRequest(WireWriter& writer, const EndAllowanceCommand& command,
                const Resolution&) {
  writer.Text(command.source);
  writer.Text(command.item);
}

void PutRequest(WireWriter& writer, const VoidGrantCommand& command,
                const Resolution&) {
  writer.Text(command.grant);
}

void PutRequest(WireWriter& writer, const LedgerReserve& reserve,
                const Resolution&) {
  writer.Amount(reserve.amount);
  writer.Text(reserve.operation);
  writer.Signed(absl::ToInt64Nanoseconds(reserve.timeout));
  PutEnum(writer, reserve.overrun);
  PutEnum(writer, reserve.mode);
}

void PutRequest(WireWriter& writer, const LedgerCapture& capture,
                const Resolution& resolution) {
  writer.Text(capture.reservation);
  writer.Byte(static_cast<uint8_t>(
      (capture.amount.has_value() ? kHasAmount : 0) |
      (capture.final ? kIsFinal : 0) | (capture.collects ? kCollects : 0) |
      (capture.is_record ? kIsRecord : 0)));
  writer.Varint(resolution.target);
  writer.Amount(resolution.amount);
}

void PutRequest(WireWriter& writer, const LedgerVoid& request,
                const Resolution& resolution) {
  writer.Text(request.reservation);
  writer.Varint(resolution.target);
}

void PutRequest(WireWriter& writer, const SpendCommand& spend,
                const Resolution&) {
  writer.Amount(spend.amount);
  writer.Text(spend.operation);
  PutEnum(writer, spend.mode);
}

void PutRequest(WireWriter& writer, const LedgerRefund& refund,
                const Resolution& resolution) {
  writer.Text(refund.command);
  writer.Varint(refund.sequence);
  writer.Byte(refund.amount.has_value() ? kHasAmount : 0);
  writer.Varint(resolution.target);
  writer.Amount(resolution.amount);
  writer.Time(resolution.posted_at);
  PutAllocations(writer, resolution.posted);
}

void PutPricing(WireWriter& writer, const Pricing& pricing) {
  writer.Text(pricing.catalog_version);
  writer.Text(pricing.operation);
  writer.Signed(pricing.quantity);
  writer.Signed(pricing.quantity_before);
  writer.Amount(pricing.terms.credits);
  writer.Signed(pricing.terms.per);
  writer.Signed(pricing.terms.increment);
  writer.Signed(pricing.terms.minimum);
  writer.Time(pricing.effective_at);
  writer.Text(pricing.job);
  writer.Text(pricing.label);
}

void PutEffect(WireWriter& writer, const AccountEffect& effect) {
  const Shortage& shortage = effect.shortage;
  const bool has_shortage = shortage != Shortage();
  const bool has_released = effect.released != Credits();
  PutEnum(writer, effect.refusal);
  writer.Byte(static_cast<uint8_t>(
      (has_shortage ? kHasShortage : 0) | (has_released ? kHasReleased : 0) |
      (!effect.held.empty() ? kHasHeld : 0) |
      (!effect.posted.empty() ? kHasPosted : 0) |
      (!effect.refunded.empty() ? kHasRefunded : 0) |
      (effect.uncollected != Credits() ? kHasUncollected : 0)));
  if (has_shortage) {
    writer.Amount(shortage.need);
    writer.Amount(shortage.held);
    writer.Amount(shortage.available);
    writer.Amount(shortage.missing);
  }
  if (has_released) writer.Amount(effect.released);
  if (!effect.held.empty()) PutAllocations(writer, effect.held);
  if (!effect.posted.empty()) PutAllocations(writer, effect.posted);
  if (!effect.refunded.empty()) PutAllocations(writer, effect.refunded);
  if (effect.uncollected != Credits()) writer.Amount(effect.uncollected);
}

// Reading: each of these fails the reader if a value has another form.

template <typename E>
E ReadEnum(EntryReader& reader, E last) {
  const uint8_t value = reader.Byte();
  if (value <= static_cast<uint8_t>(last)) return static_cast<E>(value);
  reader.Fail();
  return E{};
}
uint8_t ReadFlags(EntryReader& reader, uint8_t known) {
  const uint8_t flags = reader.Byte();
  if ((flags & ~known) != 0) reader.Fail();
  return flags;
}
int32_t ReadPriority(EntryReader& reader) {
  const int64_t value = reader.Signed();
  if (value != static_cast<int32_t>(value)) reader.Fail();
  return static_cast<int32_t>(value);
}
void ReadAllocations(EntryReader& reader, std::vector<Allocation>& parts) {
  const size_t count = reader.Count();
  for (size_t i = 0; i < count && reader.ok(); ++i) {
    const uint64_t grant = reader.Varint();
    parts.push_back({.grant = grant, .amount = reader.Amount()});
  }
  if (!SumOf(parts).has_value()) reader.Fail();
}
std::vector<std::string> ReadTexts(EntryReader& reader) {
  std::vector<std::string> texts;
  const size_t count = reader.Count(AccountLimits::kGrantOperationsMax);
  for (size_t i = 0; i < count && reader.ok(); ++i) {
    texts.emplace_back(reader.Text(kTextBytesMax));
  }
  return texts;
}

GrantCommand ReadGrant(EntryReader& reader) {
  GrantCommand grant;
  grant.id = std::string(reader.Text(kTextBytesMax));
  grant.amount = reader.Amount();
  grant.priority = ReadPriority(reader);
  grant.effective_at = reader.Time();
  grant.expires_at = reader.Time();
  grant.kind = ReadEnum(reader, GrantKind::kPromotional);
  grant.operations = ReadTexts(reader);
  return grant;
}

void ReadAllowance(EntryReader& reader, LedgerRequest& request) {
  Allowance::Spec spec;
  spec.source = std::string(reader.Text(kTextBytesMax));
  spec.item = std::string(reader.Text(kTextBytesMax));
  spec.amount = reader.Amount();
  spec.cycle = ReadEnum(reader, Cycle::kYear);
  const int64_t day = reader.Signed();
  // What absl::CivilDay can count to; Create() checks the limits.
  if (day < -(int64_t{1} << 40) || day > int64_t{1} << 40) reader.Fail();
  spec.anchor = kFirstDay + (reader.ok() ? day : 0);
  spec.zone = std::string(reader.Text(kTextBytesMax));
  spec.priority = ReadPriority(reader);
  spec.kind = ReadEnum(reader, GrantKind::kPromotional);
  spec.operations = ReadTexts(reader);
  spec.rollover_max = reader.Amount();
  spec.periods = reader.Signed();
  if (!reader.ok()) return;
  absl::StatusOr<Allowance> allowance = Allowance::Create(std::move(spec));
  if (!allowance.ok()) {
    reader.Fail();
    return;
  }
  request.emplace<AllowanceCommand>(AllowanceCommand{*std::move(allowance)});
}

LedgerReserve ReadReserve(EntryReader& reader) {
  LedgerReserve reserve;
  reserve.amount = reader.Amount();
  reserve.operation = reader.Text(kTextBytesMax);
  reserve.timeout = absl::Nanoseconds(reader.Signed());
  reserve.overrun = ReadEnum(reader, Overrun::kTopUp);
  reserve.mode = ReadEnum(reader, DrawMode::kBestEffort);
  return reserve;
}

LedgerCapture ReadCapture(EntryReader& reader, Resolution& resolution) {
  LedgerCapture capture;
  capture.reservation = reader.Text(kTextBytesMax);
  const uint8_t flags = ReadFlags(reader, kCaptureFlags);
  capture.final = (flags & kIsFinal) != 0;
  capture.collects = (flags & kCollects) != 0;
  capture.is_record = (flags & kIsRecord) != 0;
  resolution.target = reader.Varint();
  resolution.amount = reader.Amount();
  if ((flags & kHasAmount) != 0) capture.amount = resolution.amount;
  return capture;
}

SpendCommand ReadSpend(EntryReader& reader) {
  SpendCommand spend;
  spend.amount = reader.Amount();
  spend.operation = reader.Text(kTextBytesMax);
  spend.mode = ReadEnum(reader, DrawMode::kCollect);
  if (spend.mode == DrawMode::kCheckOnly) reader.Fail();
  return spend;
}

LedgerRefund ReadRefund(EntryReader& reader, Resolution& resolution) {
  LedgerRefund refund;
  refund.command = reader.Text(kTextBytesMax);
  refund.sequence = reader.Varint();
  const uint8_t flags = ReadFlags(reader, kHasAmount);
  resolution.target = reader.Varint();
  resolution.amount = reader.Amount();
  resolution.posted_at = reader.Time();
  ReadAllocations(reader, resolution.posted);
  if (flags != 0) refund.amount = resolution.amount;
  return refund;
}

void ReadRequest(EntryReader& reader, Kind kind, JournalEntry& entry) {
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
      const absl::string_view source = reader.Text(kTextBytesMax);
      request = EndAllowanceCommand{.source = source,
                                    .item = reader.Text(kTextBytesMax)};
      return;
    }
    case Kind::kVoidGrant:
      request = VoidGrantCommand{.grant = reader.Text(kTextBytesMax)};
      return;
    case Kind::kReserve:
      request = ReadReserve(reader);
      return;
    case Kind::kCapture:
      request = ReadCapture(reader, resolution);
      return;
    case Kind::kVoid:
      request = LedgerVoid{.reservation = reader.Text(kTextBytesMax)};
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

Pricing ReadPricing(EntryReader& reader) {
  Pricing pricing;
  pricing.catalog_version = reader.Text(kTextBytesMax);
  pricing.operation = reader.Text(kTextBytesMax);
  pricing.quantity = reader.Signed();
  pricing.quantity_before = reader.Signed();
  pricing.terms.credits = reader.Amount();
  pricing.terms.per = reader.Signed();
  pricing.terms.increment = reader.Signed();
  pricing.terms.minimum = reader.Signed();
  pricing.effective_at = reader.Time();
  pricing.job = reader.Text(kTextBytesMax);
  pricing.label = reader.Text(kTextBytesMax);
  return pricing;
}

void ReadEffect(EntryReader& reader, AccountEffect& effect) {
  effect.refusal = ReadEnum(reader, Refusal::kUnknownAllowance);
  const uint8_t flags = ReadFlags(reader, kEffectFlags);
  if ((flags & kHasShortage) != 0) {
    effect.shortage.need = reader.Amount();
    effect.shortage.held = reader.Amount();
    effect.shortage.available = reader.Amount();
    effect.shortage.missing = reader.Amount();
    if (effect.shortage == Shortage()) reader.Fail();
  }
  if ((flags & kHasReleased) != 0) {
    effect.released = reader.Amount();
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
  if ((flags & kHasUncollected) != 0) {
    effect.uncollected = reader.Amount();
    if (effect.uncollected == Credits()) reader.Fail();
  }
}

void Clear(Resolution& resolution) {
  resolution.target = 0;
  resolution.amount = Credits();
  resolution.posted_at = UnixNanos();
  resolution.posted.clear();
}

}  // namespace

void EncodeEntry(const EntryPlace& place, const LedgerCommand& command,
                 const Resolution& resolution, const AccountEffect& effect,
                 std::string& out) {
  WireWriter writer(out);
  writer.Byte(kEntryVersion);
  writer.Byte(static_cast<uint8_t>(command.request.index() + 1));
  writer.Byte(
      static_cast<uint8_t>((command.event_at.has_value() ? kHasEventTime : 0) |
                           (command.pricing.has_value() ? kHasPricing : 0) |
                           (command.settles_job ? kSettlesJob : 0)));
  writer.Varint(place.sequence);
  writer.Varint(place.previous);
  writer.Time(place.at);
  writer.Text(command.account);
  writer.Text(command.id);
  if (command.event_at.has_value()) writer.Time(*command.event_at);
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
static_assert(
    std::is_same_v<std::variant_alternative_t<8, LedgerRequest>, LedgerRefund>);

absl::Status DecodeEntry(absl::string_view bytes, JournalEntry& entry) {
  EntryReader reader(bytes);
  Clear(entry.resolution);
  entry.effect.Clear();
  entry.command.event_at.reset();
  entry.command.pricing.reset();
  const uint8_t version = reader.Byte();
  if (version != kEntryVersion) {
    return absl::DataLossError(absl::StrCat(
        "not an entry of version ", kEntryVersion, ": its version is ", version,
        version < kEntryVersion ? ", from an older konpro" : ""));
  }
  const auto kind = static_cast<Kind>(reader.Byte());
  const uint8_t flags = ReadFlags(reader, kFlags);
  entry.place.sequence = reader.Varint();
  entry.place.previous = reader.Varint();
  entry.place.at = reader.Time();
  entry.command.at = entry.place.at;
  entry.command.account = reader.Text(kTextBytesMax);
  entry.command.id = reader.Text(kTextBytesMax);
  if ((flags & kHasEventTime) != 0) entry.command.event_at = reader.Time();
  if (reader.ok()) ReadRequest(reader, kind, entry);
  if ((flags & kHasPricing) != 0) entry.command.pricing = ReadPricing(reader);
  entry.command.settles_job = (flags & kSettlesJob) != 0;
  if (entry.command.settles_job &&
      (kind != Kind::kSpend || !entry.command.pricing.has_value())) {
    reader.Fail();
  }
  ReadEffect(reader, entry.effect);
  if (!reader.AtEnd()) {
    return absl::DataLossError("the bytes are not an entry");
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
  thread_local Sha256 sha256;
  return sha256({BytesOf(before), bytes});
}

}  // namespace konpro::internal

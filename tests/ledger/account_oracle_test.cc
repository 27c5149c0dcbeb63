// Millions of random commands, and all short sequences of a few, against the
// naive model.
#include "tests/testing/account_oracle.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "gtest/gtest.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"

namespace konpro {
namespace {

using ::konpro::testing::AccountOracle;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlowdown = 10;
#else
constexpr int kSlowdown = 1;
#endif
constexpr int kCommandsTotal = 20'000'000 / kSlowdown;
constexpr int kCommandsPerEpisode = 40;
constexpr int kCommandsExhaustive = kSlowdown == 1 ? 6 : 5;

constexpr int64_t kDayNs = int64_t{24} * 3600 * 1'000'000'000;

std::string BytesOf(const Account& account) {
  std::string bytes;
  account.EncodeTo(bytes);
  return bytes;
}

void ExpectSameEffect(const AccountEffect& actual,
                      const AccountEffect& expected) {
  ASSERT_EQ(actual.refusal, expected.refusal);
  ASSERT_EQ(actual.shortage.need, expected.shortage.need);
  ASSERT_EQ(actual.shortage.held, expected.shortage.held);
  ASSERT_EQ(actual.shortage.available, expected.shortage.available);
  ASSERT_EQ(actual.shortage.missing, expected.shortage.missing);
  ASSERT_EQ(actual.held, expected.held);
  ASSERT_EQ(actual.posted, expected.posted);
  ASSERT_EQ(actual.refunded, expected.refunded);
  ASSERT_EQ(actual.uncollected, expected.uncollected);
  ASSERT_EQ(actual.released, expected.released);
}

// Every place of every grant, that none is below zero, and that they sum to
// what was issued; that reservations hold what grants have reserved.
void ExpectSameAccount(const Account& account, const AccountOracle& oracle) {
  const std::vector<GrantView> grants = account.Grants();
  ASSERT_EQ(grants.size(), oracle.grants());
  int64_t reserved = 0;
  for (size_t i = 0; i < grants.size(); ++i) {
    const AccountOracle::Sums sums = oracle.PlacesOf(i);
    const Balance& balance = grants[i].balance;
    const bool is_effective = oracle.IsEffective(i);
    const int64_t available = balance.available.ticks();
    const int64_t pending = balance.pending.ticks();
    ASSERT_EQ(grants[i].number, i + 1);
    ASSERT_EQ(grants[i].id, oracle.IdOf(i));
    ASSERT_EQ(is_effective ? available : pending, sums[AccountOracle::kFree]);
    ASSERT_EQ(is_effective ? pending : available, 0);
    ASSERT_EQ(balance.reserved.ticks(), sums[AccountOracle::kReserved]);
    ASSERT_EQ(balance.posted.ticks(), sums[AccountOracle::kPosted]);
    ASSERT_EQ(balance.expired.ticks(), sums[AccountOracle::kExpired]);
    ASSERT_EQ(balance.voided.ticks(), sums[AccountOracle::kVoided]);
    int64_t total = 0;
    for (const int64_t sum : sums) {
      ASSERT_GE(sum, 0);
      total += sum;
    }
    ASSERT_EQ(grants[i].issued.ticks(), total);
    ASSERT_EQ(oracle.IssuedBy(i), total);
    reserved += sums[AccountOracle::kReserved];
  }
  const auto open = oracle.OpenReservations();
  const std::vector<ReservationView> reservations = account.Reservations();
  ASSERT_EQ(reservations.size(), open.size());
  for (size_t i = 0; i < open.size(); ++i) {
    ASSERT_EQ(reservations[i].sequence, open[i].first);
    ASSERT_EQ(reservations[i].held.ticks(), open[i].second);
    reserved -= open[i].second;
  }
  ASSERT_EQ(reserved, 0);
  ASSERT_EQ(account.balance().uncollected.ticks(), oracle.uncollected());
}

// What was used is posted or uncollected, to the tick.
void ExpectNothingIsFree(const AccountCommand& command,
                         const AccountEffect& effect) {
  if (!effect.applied()) {
    ASSERT_EQ(effect.uncollected, Credits());
    return;
  }
  Credits used;
  if (const auto* c = std::get_if<CaptureCommand>(&command)) {
    used = c->amount;
  } else if (const auto* s = std::get_if<SpendCommand>(&command)) {
    if (s->mode == DrawMode::kBestEffort) return;
    used = s->amount;
  }
  const std::optional<Credits> posted = SumOf(effect.posted);
  ASSERT_TRUE(posted.has_value());
  ASSERT_EQ(CheckedAdd(*posted, effect.uncollected), used);
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  // Within [0, bound).
  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  template <typename T, size_t n>
  const T& Of(const std::array<T, n>& values) {
    return values[static_cast<size_t>(Below(n))];
  }

 private:
  std::mt19937_64 engine_;
};

struct Posting {
  uint64_t sequence = 0;
  UnixNanos at;
  std::vector<Allocation> parts;
};

// One account through kCommandsPerEpisode random commands.
class Episode {
 public:
  // `crowd`: so many grants of a few ticks before all commands.
  explicit Episode(uint64_t seed, int64_t crowd = 0)
      : random_(seed),
        crowd_(crowd),
        // Nanoseconds, so that ends meet; days, so that periods begin.
        unit_(random_.OneIn(4) ? kDayNs : 1),
        has_allowances_(unit_ == kDayNs),
        amount_max_(random_.OneIn(16) ? INT64_MAX / 3 : 12 + 2 * crowd) {
    // Often at the edge of the domain of time.
    start_ = unit_ != 1          ? 15'000 * kDayNs
             : random_.OneIn(16) ? INT64_MAX - 30
                                 : 0;
    now_ = start_;
  }

  void Run() {
    for (int64_t i = 0; i < crowd_; ++i) AddToCrowd(i);
    for (int i = 0; i < kCommandsPerEpisode && !::testing::Test::HasFailure();
         ++i) {
      Step();
    }
    const auto decoded = Account::Decode(BytesOf(account_));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(*decoded, account_);
  }

 private:
  void Step() {
    MoveTime();
    if (random_.OneIn(32)) Reload();
    Account quiet;
    const bool compares = random_.OneIn(4);
    if (compares) quiet = account_;
    ++sequence_;
    const CommandMoment moment = {.sequence = sequence_,
                                  .now = UnixNanos::FromNanos(now_)};
    const AccountCommand command = Command();
    account_.Apply(command, moment, effect_);
    ExpectSameEffect(effect_, oracle_.Apply(command, moment));
    ExpectSameAccount(account_, oracle_);
    ExpectNothingIsFree(command, effect_);
    ASSERT_EQ(account_.now().nanos(), oracle_.now());
    if (compares && !effect_.applied()) ExpectOnlyTimePassed(quiet);
    Remember(command, moment);
  }

  // A refusal changes nothing but the time, in however many steps it passes.
  void ExpectOnlyTimePassed(Account& quiet) {
    const int64_t from = quiet.now().nanos();
    const int64_t to = std::max(from, now_);
    quiet.Advance(UnixNanos::FromNanos(from + (to - from) / 2));
    quiet.Advance(UnixNanos::FromNanos(to));
    ASSERT_EQ(BytesOf(quiet), BytesOf(account_));
  }

  // The account as another process would read it.
  void Reload() {
    auto decoded = Account::Decode(BytesOf(account_));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    account_ = *std::move(decoded);
  }

  void MoveTime() {
    int64_t step = 0;
    switch (random_.Below(10)) {
      case 0:
      case 1:
        step = unit_ * (1 + random_.Below(2));
        break;
      case 2:
        step = unit_ * random_.Below(8);
        break;
      case 3:
        step = -unit_ * random_.Below(4);
        break;
      case 4:
        if (!random_.OneIn(16)) break;
        step = AccountOracle::kRefundableForNs - 1 + random_.Below(3);
        break;
      default:
        break;  // the clock stands still
    }
    if (step > INT64_MAX - now_) step = 0;
    now_ = std::max<int64_t>(0, now_ + step);
  }

  UnixNanos Near(int64_t before, int64_t after) {
    const int64_t offset = unit_ * (random_.Below(before + after) - before);
    if (offset > INT64_MAX - now_) return UnixNanos::Max();
    return UnixNanos::FromNanos(now_ + offset);
  }

  Credits Amount() {
    const int64_t small = random_.Below(12);
    switch (random_.Below(16)) {
      case 0:
        return Credits();
      case 1:
        return Credits::FromTicks(amount_max_);
      case 2:
        return Credits::FromTicks(amount_max_ - small);
      case 3:
        return random_.OneIn(8) ? Credits::Max() : Credits::FromTicks(small);
      case 4:
        return random_.OneIn(8) ? Credits::FromTicks(-1)
                                : Credits::FromTicks(small);
      default:
        return Credits::FromTicks(small);
    }
  }

  absl::string_view Operation() {
    static constexpr std::array<absl::string_view, 4> kNames = {"a", "a", "b",
                                                                ""};
    return random_.Of(kNames);
  }

  std::vector<std::string> Operations() {
    static const std::array<std::vector<std::string>, 4> kLists = {
        {{}, {}, {"a"}, {"b", "a"}}};
    return random_.Of(kLists);
  }

  DrawMode AnyMode() {
    static constexpr std::array<DrawMode, 5> kModes = {
        DrawMode::kNormal, DrawMode::kNormal, DrawMode::kBestEffort,
        DrawMode::kCheckOnly, DrawMode::kCollect};
    return random_.Of(kModes);
  }

  AccountCommand Command() {
    if (sequence_ <= 2) return Grant();
    const int64_t choice = random_.Below(has_allowances_ ? 22 : 20);
    if (choice < 3) return Grant();
    if (choice < 8) return Reserve();
    if (reservations_.empty() && !random_.OneIn(8)) return Reserve();
    if (choice < 12) return Capture();
    if (choice < 13) return VoidCommand{.reservation = AnyReservation()};
    if (choice < 14) return VoidGrantCommand{.grant = AnyGrant()};
    if (choice < 17) {
      return SpendCommand{
          .amount = Amount(), .operation = Operation(), .mode = AnyMode()};
    }
    if (choice < 20) return Refund();
    if (choice < 21) return AnyAllowance();
    return EndAllowanceCommand{.source = "s",
                               .item = random_.OneIn(2) ? "i" : "j"};
  }

  absl::string_view AnyGrant() {
    static constexpr std::array<absl::string_view, 8> kIds = {
        "g0", "g1", "g2", "g3", "g4", "s/i/2", "s/i/3", "s/j/0"};
    return kIds[static_cast<size_t>(
        random_.Below(has_allowances_ ? kIds.size() : 5))];
  }

  void AddToCrowd(int64_t i) {
    const CommandMoment moment = {.sequence = ++sequence_,
                                  .now = UnixNanos::FromNanos(now_)};
    const GrantCommand grant = {
        .id = absl::StrCat("crowd", i),
        .amount = Credits::FromTicks(1 + random_.Below(3)),
        .priority = static_cast<int32_t>(random_.Below(3)) - 1,
        .effective_at = Near(4, 1),
        .expires_at = random_.OneIn(2) ? UnixNanos::Max() : Near(0, 99),
        .operations = Operations()};
    account_.Apply(grant, moment, effect_);
    ExpectSameEffect(effect_, oracle_.Apply(grant, moment));
  }

  AccountCommand Grant() {
    return GrantCommand{
        .id = std::string(AnyGrant()),
        .amount = random_.OneIn(2) ? Amount()
                                   : Credits::FromTicks(1 + random_.Below(60)),
        .priority = static_cast<int32_t>(random_.Below(3)) - 1,
        .effective_at = Near(4, random_.OneIn(4) ? 4 : 1),
        .expires_at = random_.OneIn(4) ? UnixNanos::Max() : Near(0, 10),
        .operations = Operations(),
        .kind = random_.OneIn(2) ? GrantKind::kPaid : GrantKind::kPromotional};
  }

  AccountCommand Reserve() {
    // In a crowd, as many ticks as a reservation holds parts: grants have one
    // at least.
    constexpr int64_t kPartsMax{AccountLimits::kAllocationsMax};
    return ReserveCommand{
        .amount = crowd_ > 0 ? Credits::FromTicks(random_.Below(kPartsMax + 1))
                             : Amount(),
        .operation = Operation(),
        .expires_at = random_.OneIn(8) ? UnixNanos::Max() : Near(0, 12),
        .overrun = random_.OneIn(2) ? Overrun::kTopUp : Overrun::kReject,
        .mode = AnyMode()};
  }

  uint64_t AnyReservation() {
    if (reservations_.empty() || random_.OneIn(32)) {
      return static_cast<uint64_t>(random_.Below(3));
    }
    const auto count = static_cast<int64_t>(reservations_.size());
    return reservations_[static_cast<size_t>(
        count - 1 - random_.Below(std::min<int64_t>(count, 4)))];
  }

  AccountCommand Capture() {
    return CaptureCommand{.reservation = AnyReservation(),
                          .amount = Amount(),
                          .final = random_.OneIn(2),
                          .collects = random_.OneIn(2)};
  }

  AccountCommand Refund() {
    if (postings_.empty()) return SpendCommand{.amount = Amount()};
    const auto count = static_cast<int64_t>(postings_.size());
    const Posting& posting =
        postings_[static_cast<size_t>(random_.Below(count))];
    return RefundCommand{.posting = posting.sequence,
                         .posted_at = posting.at,
                         .posted = posting.parts,
                         .amount = Amount()};
  }

  AccountCommand AnyAllowance() {
    static constexpr std::array<absl::string_view, 4> kZones = {
        "UTC", "Pacific/Apia", "America/Sao_Paulo", "Europe/Berlin"};
    const int64_t start_days = start_ / kDayNs;
    return AllowanceCommand{
        .allowance =
            Allowance::Create(
                {.source = "s",
                 .item = random_.OneIn(2) ? "i" : "j",
                 .amount = Credits::FromTicks(1 + random_.Below(9)),
                 .cycle = random_.OneIn(4) ? Cycle::kWeek : Cycle::kDay,
                 .anchor = absl::CivilDay(1970, 1, 1) +
                           (start_days + random_.Below(5) - 2),
                 .zone = std::string(random_.Of(kZones)),
                 .priority = static_cast<int32_t>(random_.Below(3)) - 1,
                 .operations = Operations(),
                 .rollover_max = Credits::FromTicks(random_.Below(6)),
                 .periods = 1 + random_.Below(12)})
                .value()};
  }

  void Remember(const AccountCommand& command, const CommandMoment& moment) {
    if (!effect_.applied()) return;
    if (std::holds_alternative<ReserveCommand>(command) &&
        std::get<ReserveCommand>(command).mode != DrawMode::kCheckOnly) {
      reservations_.push_back(moment.sequence);
    }
    const bool is_spend =
        std::holds_alternative<SpendCommand>(command) &&
        std::get<SpendCommand>(command).mode != DrawMode::kCheckOnly;
    if (is_spend || std::holds_alternative<CaptureCommand>(command)) {
      postings_.push_back({.sequence = moment.sequence,
                           .at = account_.now(),
                           .parts = effect_.posted});
    }
  }

  Random random_;
  const int64_t crowd_;
  const int64_t unit_;
  const bool has_allowances_;
  const int64_t amount_max_;
  int64_t start_ = 0;
  int64_t now_ = 0;
  uint64_t sequence_ = 0;
  Account account_;
  AccountOracle oracle_;
  AccountEffect effect_;
  std::vector<uint64_t> reservations_;
  std::vector<Posting> postings_;
};

TEST(Account, AgreesWithTheListOfEntries) {
  const char* seed_text = std::getenv("KONPRO_SEED");
  const uint64_t seed =
      seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : 1;
  for (uint64_t i = 0; i < kCommandsTotal / kCommandsPerEpisode; ++i) {
    Episode(seed + i).Run();
    ASSERT_FALSE(HasFailure()) << "KONPRO_SEED=" << seed + i;
  }
}

// What is available is drawn, in however many parts: nothing of it is
// uncollected, denied or not refunded because they are many.
TEST(Account, AgreesOverHundredsOfTinyGrants) {
  constexpr uint64_t kEpisodes = 200 / kSlowdown;
  for (uint64_t seed = 1; seed <= kEpisodes; ++seed) {
    Episode(seed, 100 + static_cast<int64_t>(seed)).Run();
    ASSERT_FALSE(HasFailure()) << seed;
  }
}

// All sequences of commands over two grants and two reservations. A command
// comes a nanosecond after the one before; grant "a" ends at 4, and
// reservations two and three nanoseconds after they were made.
class Exhaustion {
 public:
  // Follows all sequences; returns how many commands there were in all.
  int64_t Run() {
    Follow(Node(), kCommandsExhaustive);
    return commands_;
  }

 private:
  static constexpr int kChoices = 16;

  struct Node {
    Account account;
    AccountOracle oracle;
    CommandMoment moment;
    // Of the reservations, by which they are; and the last posting.
    std::array<uint64_t, 2> reservations = {};
    Posting posting;
  };

  static Credits Ticks(int64_t ticks) { return Credits::FromTicks(ticks); }

  static AccountCommand Command(const Node& node, int choice) {
    const auto in = [&](int64_t nanos) {
      return UnixNanos::FromNanos(node.moment.now.nanos() + nanos);
    };
    switch (choice) {
      case 0:
        return GrantCommand{.id = "a",
                            .amount = Ticks(10),
                            .expires_at = UnixNanos::FromNanos(4)};
      case 1:
        return GrantCommand{.id = "b", .amount = Ticks(5), .priority = 1};
      case 2:
        return ReserveCommand{.amount = Ticks(6),
                              .expires_at = in(2),
                              .overrun = Overrun::kTopUp};
      case 3:
        return ReserveCommand{.amount = Ticks(12),
                              .expires_at = in(3),
                              .mode = DrawMode::kBestEffort};
      case 4:
        return CaptureCommand{.reservation = node.reservations[0],
                              .amount = Ticks(2),
                              .final = false};
      case 5:
        return CaptureCommand{.reservation = node.reservations[0],
                              .amount = Ticks(8)};
      case 6:
        return CaptureCommand{.reservation = node.reservations[1],
                              .amount = Ticks(11)};
      case 7:
        return VoidCommand{.reservation = node.reservations[0]};
      case 8:
        return VoidGrantCommand{.grant = "a"};
      case 9:
        return SpendCommand{.amount = Ticks(4)};
      case 10:
        return RefundCommand{.posting = node.posting.sequence,
                             .posted_at = node.posting.at,
                             .posted = node.posting.parts,
                             .amount = Ticks(3)};
      case 11:
        return VoidCommand{.reservation = node.reservations[1]};
      case 12:
        return CaptureCommand{.reservation = node.reservations[1]};
      case 13:
        return CaptureCommand{.reservation = node.reservations[0],
                              .amount = Ticks(7),
                              .final = false};
      case 14:
        return VoidGrantCommand{.grant = "b"};
      default:
        return SpendCommand{.mode = DrawMode::kCheckOnly};  // time passes
    }
  }

  void Follow(const Node& from, int depth) {
    for (int choice = 0;
         choice < kChoices && !::testing::Test::HasFatalFailure(); ++choice) {
      if (choice == 10 && from.posting.sequence == 0) continue;
      Node node = from;
      const CommandMoment moment = {
          .sequence = from.moment.sequence + 1,
          .now = UnixNanos::FromNanos(from.moment.now.nanos() + 1)};
      node.moment = moment;
      Visit(node, Command(node, choice), choice);
      ++commands_;
      if (depth > 1) Follow(node, depth - 1);
    }
  }

  void Visit(Node& node, const AccountCommand& command, int choice) {
    node.account.Apply(command, node.moment, effect_);
    ExpectSameEffect(effect_, node.oracle.Apply(command, node.moment));
    ExpectSameAccount(node.account, node.oracle);
    if (!effect_.applied()) return;
    if (choice == 2 || choice == 3) {
      node.reservations[choice - 2] = node.moment.sequence;
    }
    if (!effect_.posted.empty() && choice != kChoices - 1) {
      node.posting = {.sequence = node.moment.sequence,
                      .at = node.moment.now,
                      .parts = effect_.posted};
    }
  }

  AccountEffect effect_;
  int64_t commands_ = 0;
};

TEST(Account, AgreesOnAllShortSequences) {
  EXPECT_GT(Exhaustion().Run(), kSlowdown == 1 ? 10'000'000 : 500'000);
}

}  // namespace
}  // namespace konpro

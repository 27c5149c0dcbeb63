// The naive model of an account: a list of entries, each of which moves an
// amount from one place of a grant to another. What is free, held, posted or
// refunded is summed from the whole list each time, and what has ended is
// searched for among all grants and reservations. It shares nothing with
// account.cc: periods are those of allowance.h, commands those of
// account_command.h.
//
// It knows no limit but that of Credits: tests of limits have tables.
#ifndef KONPRO_TESTS_TESTING_ACCOUNT_ORACLE_H_
#define KONPRO_TESTS_TESTING_ACCOUNT_ORACLE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "konpro/base/credits.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/ledger/account_command.h"
#include "konpro/ledger/allowance.h"

namespace konpro::testing {

class AccountOracle {
 public:
  enum Place { kFree, kReserved, kPosted, kExpired, kVoided, kOutside };
  using Sums = std::array<int64_t, kOutside>;

  static constexpr int64_t kNever = INT64_MAX;
  static constexpr int64_t kRefundableForNs =
      int64_t{400} * 24 * 3600 * 1'000'000'000;

  int64_t now() const { return now_; }
  int64_t uncollected() const { return uncollected_; }
  size_t grants() const { return grants_.size(); }

  // What stands in the places of grant `index`, the first being 0.
  Sums PlacesOf(size_t index) const {
    Sums sums = {};
    for (const Entry& e : entries_) {
      if (e.grant != index) continue;
      if (e.from != kOutside) sums[e.from] -= e.amount;
      if (e.to != kOutside) sums[e.to] += e.amount;
    }
    return sums;
  }
  int64_t IssuedBy(size_t index) const {
    int64_t issued = 0;
    for (const Entry& e : entries_) {
      if (e.grant == index && e.from == kOutside) issued += e.amount;
    }
    return issued;
  }
  bool IsEffective(size_t index) const {
    return grants_[index].command.effective_at.nanos() <= now_;
  }
  const std::string& IdOf(size_t index) const {
    return grants_[index].command.id;
  }

  // The sequences of open reservations and what they hold.
  std::vector<std::pair<uint64_t, int64_t>> OpenReservations() const {
    std::vector<std::pair<uint64_t, int64_t>> open;
    for (const Reservation& r : reservations_) {
      if (r.state == Reservation::kHeld) {
        open.push_back({r.sequence, HeldBy(r.sequence)});
      }
    }
    return open;
  }

  void Advance(int64_t now) {
    for (int64_t at = NextEvent(); at <= now && at != kNever;
         at = NextEvent()) {
      now_ = at;
      EndGrants();
      ExpireReservations();
      BeginPeriods();
    }
    now_ = std::max(now_, now);
  }

  AccountEffect Apply(const AccountCommand& command,
                      const CommandMoment& moment) {
    Advance(moment.now.nanos());
    sequence_ = moment.sequence;
    effect_ = AccountEffect();
    std::visit([&](const auto& c) { Do(c); }, command);
    return effect_;
  }

 private:
  struct Entry {
    size_t grant = 0;
    Place from = kOutside;
    Place to = kOutside;
    int64_t amount = 0;
    uint64_t reservation = 0;  // whose hold it adds to or takes from
    uint64_t posting = 0;      // the spend or capture that it is of
  };
  struct Grant {
    GrantCommand command;
    bool is_voided = false;
    bool is_ended = false;
  };
  struct Reservation {
    enum State { kHeld, kCaptured, kVoided, kExpired };

    uint64_t sequence = 0;
    std::string operation;
    int64_t expires_at = 0;
    Overrun overrun = Overrun::kReject;
    State state = kHeld;
    int64_t released = 0;
  };
  struct Series {
    Allowance allowance;
    int64_t next = 0;
    int64_t made = -1;  // the period before
    bool is_over = false;
  };
  struct Part {
    size_t grant = 0;
    int64_t amount = 0;
  };

  // Time.

  int64_t NextEvent() const {
    int64_t next = kNever;
    for (const Grant& g : grants_) {
      if (!g.is_ended && !g.is_voided) {
        next = std::min(next, g.command.expires_at.nanos());
      }
    }
    for (const Reservation& r : reservations_) {
      if (r.state == Reservation::kHeld) next = std::min(next, r.expires_at);
    }
    for (const Series& s : series_) {
      if (!s.is_over) {
        next = std::min(next, s.allowance.Begin(s.next).nanos());
      }
    }
    return next;
  }

  void EndGrants() {
    rolling_.clear();
    for (size_t i = 0; i < grants_.size(); ++i) {
      Grant& g = grants_[i];
      if (g.is_ended || g.is_voided || g.command.expires_at.nanos() != now_) {
        continue;
      }
      const int64_t free = PlacesOf(i)[kFree];
      entries_.push_back({i, kFree, kExpired, free});
      rolling_.push_back({i, free});
      g.is_ended = true;
    }
  }

  void ExpireReservations() {
    for (Reservation& r : reservations_) {
      if (r.state != Reservation::kHeld || r.expires_at != now_) continue;
      r.released = ReleaseAll(r.sequence);
      r.state = Reservation::kExpired;
    }
  }

  void BeginPeriods() {
    for (Series& s : series_) {
      if (s.is_over || s.allowance.Begin(s.next).nanos() != now_) continue;
      MakePeriod(s);
    }
  }

  // The period that begins at s.next, or the first of some length after it.
  void MakePeriod(Series& s) {
    const Allowance::Spec& spec = s.allowance.spec();
    const int64_t last = s.allowance.index_end() - 1;
    int64_t index = s.next;
    while (index <= last &&
           s.allowance.Begin(index + 1) == s.allowance.Begin(index)) {
      ++index;
    }
    s.next = index + 1;
    s.is_over = s.next > last;
    if (index > last) return;
    int64_t carried = 0;
    for (const Part& part : rolling_) {
      if (s.made >= 0 && IdOf(part.grant) == s.allowance.GrantId(s.made)) {
        carried = std::min(part.amount, spec.rollover_max.ticks());
      }
    }
    s.made = index;
    const std::string id = s.allowance.GrantId(index);
    if (FindGrant(id) != grants_.size()) return;
    AddGrant({.id = id,
              .amount = Credits::FromTicks(spec.amount.ticks() + carried),
              .priority = spec.priority,
              .effective_at = s.allowance.Begin(index),
              .expires_at = s.allowance.Begin(index + 1),
              .operations = spec.operations,
              .kind = spec.kind});
  }

  // The credits in each place.

  size_t FindGrant(absl::string_view id) const {
    size_t i = 0;
    while (i < grants_.size() && grants_[i].command.id != id) ++i;
    return i;
  }

  bool HasEnded(size_t grant) const {
    return grants_[grant].is_voided || grants_[grant].is_ended;
  }

  Place ReturnPlace(size_t grant) const {
    if (grants_[grant].is_voided) return kVoided;
    return grants_[grant].is_ended ? kExpired : kFree;
  }

  // What a reservation holds, in the order in which it was drawn.
  std::vector<Part> PartsHeldBy(uint64_t sequence) const {
    std::vector<Part> parts;
    for (const Entry& e : entries_) {
      if (e.reservation != sequence) continue;
      if (e.to == kReserved) {
        parts.push_back({e.grant, e.amount});
        continue;
      }
      for (Part& part : parts) {
        if (part.grant == e.grant) part.amount -= e.amount;
      }
    }
    return parts;
  }
  int64_t HeldBy(uint64_t sequence) const {
    int64_t held = 0;
    for (const Entry& e : entries_) {
      if (e.reservation != sequence) continue;
      held += e.to == kReserved ? e.amount : -e.amount;
    }
    return held;
  }

  static bool ComesBefore(const Grant& a, const Grant& b) {
    const GrantCommand& x = a.command;
    const GrantCommand& y = b.command;
    if (x.priority != y.priority) return x.priority < y.priority;
    if (x.expires_at != y.expires_at) return x.expires_at < y.expires_at;
    if (x.kind != y.kind) return x.kind == GrantKind::kPromotional;
    return x.effective_at < y.effective_at;  // else the order of the list
  }

  bool Allows(size_t grant, absl::string_view operation) const {
    const std::vector<std::string>& operations =
        grants_[grant].command.operations;
    bool is_allowed = operations.empty();
    for (const std::string& o : operations) is_allowed |= o == operation;
    return is_allowed;
  }

  // What could be drawn if all open reservations were released.
  int64_t HeldOf(absl::string_view operation) const {
    int64_t held = 0;
    for (size_t i = 0; i < grants_.size(); ++i) {
      if (HasEnded(i) || !Allows(i, operation)) continue;
      held += PlacesOf(i)[kReserved];
    }
    return held;
  }

  // The parts that would be drawn, at most `amount` in all.
  std::vector<Part> Drawable(absl::string_view operation,
                             int64_t amount) const {
    std::vector<size_t> order;
    for (size_t i = 0; i < grants_.size(); ++i) {
      if (!HasEnded(i) && IsEffective(i) && Allows(i, operation)) {
        order.push_back(i);
      }
    }
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return ComesBefore(grants_[a], grants_[b]);
    });
    std::vector<Part> parts;
    for (const size_t i : order) {
      const int64_t part = std::min(PlacesOf(i)[kFree], amount);
      if (part == 0) continue;
      parts.push_back({i, part});
      amount -= part;
    }
    return parts;
  }

  static int64_t Sum(const std::vector<Part>& parts) {
    int64_t sum = 0;
    for (const Part& part : parts) sum += part.amount;
    return sum;
  }
  static Allocation AllocationOf(const Part& part) {
    return {.grant = part.grant + 1, .amount = Credits::FromTicks(part.amount)};
  }

  // Whether all that was issued and all that series can still issue, and `more`
  // beside it, is in range.
  bool Fits(__int128 more) const {
    for (const Entry& e : entries_) {
      if (e.from == kOutside) more += e.amount;
    }
    for (const Series& s : series_) {
      if (s.is_over) continue;
      const Allowance::Spec& spec = s.allowance.spec();
      for (int64_t i = s.next; i < s.allowance.index_end(); ++i) {
        more += spec.amount.ticks();
        more += spec.rollover_max.ticks();
      }
    }
    return more <= INT64_MAX;
  }

  // Commands.

  void Refuse(Refusal refusal) { effect_.refusal = refusal; }
  // `there`: what there is of what it needs.
  void Refuse(Refusal refusal, int64_t need, int64_t held, int64_t available,
              int64_t there) {
    effect_.refusal = refusal;
    effect_.shortage = {.need = Credits::FromTicks(need),
                        .held = Credits::FromTicks(held),
                        .available = Credits::FromTicks(available),
                        .missing = Credits::FromTicks(need - there)};
  }

  void AddGrant(const GrantCommand& command) {
    entries_.push_back(
        {grants_.size(), kOutside, kFree, command.amount.ticks()});
    grants_.push_back({.command = command});
  }

  int64_t ReleaseAll(uint64_t sequence) {
    int64_t released = 0;
    for (const Part& part : PartsHeldBy(sequence)) {
      entries_.push_back({part.grant, kReserved, ReturnPlace(part.grant),
                          part.amount, sequence});
      released += part.amount;
    }
    return released;
  }

  // A command that nobody taught it.
  template <typename Command>
  void Do(const Command&) {
    std::abort();
  }

  void Do(const GrantCommand& c) {
    if (c.id.empty() || c.amount.ticks() <= 0 ||
        c.effective_at >= c.expires_at) {
      return Refuse(Refusal::kMalformed);
    }
    if (FindGrant(c.id) != grants_.size()) {
      return Refuse(Refusal::kGrantExists);
    }
    if (c.expires_at.nanos() <= now_ && c.expires_at.nanos() != kNever) {
      return Refuse(Refusal::kGrantEnded);
    }
    if (!Fits(c.amount.ticks())) return Refuse(Refusal::kAmountTooLarge);
    AddGrant(c);
  }

  void Do(const AllowanceCommand& c) {
    const Allowance::Spec& spec = c.allowance.spec();
    for (const Series& s : series_) {
      if (!s.is_over && s.allowance.spec().source == spec.source &&
          s.allowance.spec().item == spec.item) {
        return Refuse(Refusal::kAllowanceExists);
      }
    }
    int64_t first = 0;
    while (c.allowance.Begin(first + 1).nanos() <= now_) ++first;
    if (first >= c.allowance.index_end()) return Refuse(Refusal::kGrantEnded);
    __int128 promised = spec.amount.ticks();
    promised += spec.rollover_max.ticks();
    promised *= c.allowance.index_end() - first;
    if (!Fits(promised)) return Refuse(Refusal::kAmountTooLarge);
    series_.push_back({.allowance = c.allowance, .next = first});
    rolling_.clear();
    if (c.allowance.Begin(first).nanos() <= now_) MakePeriod(series_.back());
  }

  void Do(const EndAllowanceCommand& c) {
    for (Series& s : series_) {
      if (s.is_over || s.allowance.spec().source != c.source ||
          s.allowance.spec().item != c.item) {
        continue;
      }
      s.is_over = true;
      return;
    }
    Refuse(Refusal::kUnknownAllowance);
  }

  void Do(const VoidGrantCommand& c) {
    const size_t i = FindGrant(c.grant);
    if (i == grants_.size()) return Refuse(Refusal::kUnknownGrant);
    if (HasEnded(i)) return Refuse(Refusal::kGrantEnded);
    entries_.push_back({i, kFree, kVoided, PlacesOf(i)[kFree]});
    grants_[i].is_voided = true;
  }

  // What a command for `amount` draws; nullopt: it is refused.
  std::optional<std::vector<Part>> Draw(absl::string_view operation,
                                        int64_t amount, DrawMode mode) {
    std::vector<Part> parts = Drawable(operation, amount);
    const int64_t sum = Sum(parts);
    if (sum == amount || (mode == DrawMode::kBestEffort && sum > 0))
      return parts;
    if (mode == DrawMode::kCollect) {
      if (static_cast<__int128>(uncollected_) + amount - sum > INT64_MAX) {
        Refuse(Refusal::kAmountTooLarge);
        return std::nullopt;
      }
      effect_.uncollected = Credits::FromTicks(amount - sum);
      return parts;
    }
    Refuse(Refusal::kInsufficientCredits, amount, HeldOf(operation), sum, sum);
    return std::nullopt;
  }

  void Do(const ReserveCommand& c) {
    if (c.amount.ticks() < 0 || c.mode == DrawMode::kCollect ||
        (c.expires_at.nanos() <= now_ && c.expires_at.nanos() != kNever)) {
      return Refuse(Refusal::kMalformed);
    }
    const auto parts = Draw(c.operation, c.amount.ticks(), c.mode);
    if (!parts.has_value()) return;
    for (const Part& part : *parts) {
      effect_.held.push_back(AllocationOf(part));
    }
    if (c.mode == DrawMode::kCheckOnly) return;
    reservations_.push_back({.sequence = sequence_,
                             .operation = std::string(c.operation),
                             .expires_at = c.expires_at.nanos(),
                             .overrun = c.overrun});
    for (const Part& part : *parts) {
      entries_.push_back(
          {part.grant, kFree, kReserved, part.amount, sequence_});
    }
  }

  Reservation* FindOpen(uint64_t sequence) {
    for (Reservation& r : reservations_) {
      if (r.sequence != sequence) continue;
      switch (r.state) {
        case Reservation::kHeld:
          return &r;
        case Reservation::kCaptured:
          Refuse(Refusal::kReservationCaptured);
          return nullptr;
        case Reservation::kVoided:
          Refuse(Refusal::kReservationVoided);
          return nullptr;
        case Reservation::kExpired:
          Refuse(Refusal::kReservationExpired);
          effect_.released = Credits::FromTicks(r.released);
          return nullptr;
      }
    }
    Refuse(Refusal::kUnknownReservation);
    return nullptr;
  }

  void Post(const Part& part, Place from, uint64_t reservation) {
    entries_.push_back(
        {part.grant, from, kPosted, part.amount, reservation, sequence_});
    effect_.posted.push_back(AllocationOf(part));
  }

  void Do(const CaptureCommand& c) {
    if (c.amount.ticks() < 0) return Refuse(Refusal::kMalformed);
    Reservation* r = FindOpen(c.reservation);
    if (r == nullptr) return;
    const int64_t held = HeldBy(c.reservation);
    int64_t amount = c.amount.ticks();
    std::vector<Part> more;
    if (amount > held) {
      if (r->overrun == Overrun::kReject && !c.collects) {
        return Refuse(Refusal::kAboveHold, amount, held,
                      Sum(Drawable(r->operation, INT64_MAX)), held);
      }
      const auto parts =
          Draw(r->operation, amount - held,
               c.collects ? DrawMode::kCollect : DrawMode::kNormal);
      if (!parts.has_value()) {
        if (effect_.refusal == Refusal::kInsufficientCredits) {
          effect_.shortage.need = c.amount;
          effect_.shortage.held = Credits::FromTicks(held);
        }
        return;
      }
      more = *parts;
    }
    __int128 captured = amount - effect_.uncollected.ticks();
    for (const Entry& e : entries_) {
      if (e.to == kPosted && CapturedBy(e, c.reservation)) captured += e.amount;
    }
    if (captured > INT64_MAX) {
      effect_.uncollected = Credits();
      return Refuse(Refusal::kAmountTooLarge);
    }
    uncollected_ += effect_.uncollected.ticks();
    captures_.push_back({sequence_, c.reservation});
    for (Part part : PartsHeldBy(c.reservation)) {
      part.amount = std::min(part.amount, amount);
      if (part.amount == 0) continue;
      amount -= part.amount;
      Post(part, kReserved, c.reservation);
    }
    for (const Part& part : more) Post(part, kFree, 0);
    if (!c.final) return;
    effect_.released = Credits::FromTicks(ReleaseAll(c.reservation));
    r->state = Reservation::kCaptured;
  }

  bool CapturedBy(const Entry& e, uint64_t reservation) const {
    return std::find(captures_.begin(), captures_.end(),
                     std::pair(e.posting, reservation)) != captures_.end();
  }

  void Do(const VoidCommand& c) {
    Reservation* r = FindOpen(c.reservation);
    if (r == nullptr) return;
    effect_.released = Credits::FromTicks(ReleaseAll(c.reservation));
    r->state = Reservation::kVoided;
  }

  void Do(const SpendCommand& c) {
    if (c.amount.ticks() < 0) return Refuse(Refusal::kMalformed);
    const auto parts = Draw(c.operation, c.amount.ticks(), c.mode);
    if (!parts.has_value()) return;
    if (c.mode == DrawMode::kCheckOnly) {
      for (const Part& part : *parts) {
        effect_.posted.push_back(AllocationOf(part));
      }
      return;
    }
    for (const Part& part : *parts) Post(part, kFree, 0);
    uncollected_ += effect_.uncollected.ticks();
  }

  // A posting is a pile of ticks, the last drawn on top.
  void Do(const RefundCommand& c) {
    int64_t amount = c.amount.ticks();
    if (amount < 0) return Refuse(Refusal::kMalformed);
    if (now_ - c.posted_at.nanos() >= kRefundableForNs) {
      return Refuse(Refusal::kTooLateToRefund);
    }
    std::vector<Part> pile;
    for (const Entry& e : entries_) {
      if (e.posting != c.posting) continue;
      if (e.to == kPosted) {
        pile.push_back({e.grant, e.amount});
        continue;
      }
      while (pile.back().amount == 0) pile.pop_back();
      pile.back().amount -= e.amount;
    }
    if (amount > Sum(pile)) {
      return Refuse(Refusal::kAboveSpend, amount, 0, Sum(pile), Sum(pile));
    }
    while (amount > 0) {
      const Part part = {pile.back().grant,
                         std::min(amount, pile.back().amount)};
      pile.pop_back();
      if (part.amount == 0) continue;
      amount -= part.amount;
      entries_.push_back({part.grant, kPosted, ReturnPlace(part.grant),
                          part.amount, 0, c.posting});
      effect_.refunded.push_back(AllocationOf(part));
    }
  }

  int64_t now_ = 0;
  int64_t uncollected_ = 0;
  uint64_t sequence_ = 0;
  AccountEffect effect_;
  std::vector<Entry> entries_;
  std::vector<Grant> grants_;
  std::vector<Reservation> reservations_;
  std::vector<Series> series_;
  // Of the captures: sequence and reservation.
  std::vector<std::pair<uint64_t, uint64_t>> captures_;
  // What was free in the grants that end in this instant.
  std::vector<Part> rolling_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_ACCOUNT_ORACLE_H_

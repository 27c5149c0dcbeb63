// Commands for a ledger that mean something to each other: reservations that
// are captured, voided or left to expire, spends that are refunded, grants that
// end, and ids that are used again. The same seed gives the same commands.
#ifndef KONPRO_TESTS_TESTING_LEDGER_WORKLOAD_H_
#define KONPRO_TESTS_TESTING_LEDGER_WORKLOAD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "konpro/ledger/ledger_command.h"

namespace konpro::testing {

class LedgerWorkload {
 public:
  // Ids begin with `prefix`; accounts are "account-0" and so on.
  LedgerWorkload(uint64_t seed, std::string prefix, size_t accounts,
                 UnixNanos start)
      : random_(seed), prefix_(std::move(prefix)), now_(start) {
    for (size_t i = 0; i < accounts; ++i) {
      accounts_.push_back(absl::StrCat("account-", i));
    }
  }

  // It lives as long as the workload.
  const LedgerCommand& Next() {
    if (Below(16) == 0) now_ = UnixNanos::FromNanos(now_.nanos() + Step());
    // One in sixteen is asked again, as it was or some time later.
    if (!commands_.empty() && Below(16) == 0) {
      LedgerCommand again = commands_[Below(commands_.size())];
      again.at = now_;
      return commands_.emplace_back(std::move(again));
    }
    LedgerCommand command;
    command.account = accounts_[Below(accounts_.size())];
    command.id = Keep(absl::StrCat(prefix_, next_++));
    command.at = now_;
    command.request = Request(command);
    return commands_.emplace_back(std::move(command));
  }

  UnixNanos now() const { return now_; }

 private:
  uint64_t Below(uint64_t end) { return random_() % end; }
  int64_t Step() { return static_cast<int64_t>(Below(600'000'000'000)); }
  Credits Amount() {
    return Credits::FromTicks(static_cast<int64_t>(Below(8'000'000)));
  }
  UnixNanos Later() {
    return UnixNanos::FromNanos(now_.nanos() + 1 + 8 * Step());
  }
  absl::string_view Keep(std::string text) {
    return texts_.emplace_back(std::move(text));
  }
  // An id of the last ones, most often of that account.
  absl::string_view Earlier(
      const std::vector<std::pair<absl::string_view, absl::string_view>>& ids,
      absl::string_view account) {
    for (int tries = 0; tries < 8 && !ids.empty(); ++tries) {
      const size_t recent = std::min<size_t>(ids.size(), 6 * accounts_.size());
      const auto& [owner, id] = ids[ids.size() - 1 - Below(recent)];
      if (owner == account) return id;
    }
    return "unknown";
  }

  LedgerRequest Request(const LedgerCommand& command) {
    const absl::string_view operation = Below(2) == 0 ? "" : "avatar_video";
    const DrawMode mode =
        Below(8) == 0 ? DrawMode::kBestEffort : DrawMode::kNormal;
    switch (Below(10)) {
      case 0:
        return GrantCommand{
            .amount =
                Credits::FromTicks(1 + static_cast<int64_t>(Below(12'000'000))),
            .priority = static_cast<int32_t>(Below(3)),
            .expires_at = Below(2) == 0 ? Later() : UnixNanos::Max()};
      case 1:
      case 2:
      case 3:
        reservations_.emplace_back(command.account, command.id);
        return LedgerReserve{
            .amount = Amount(),
            .operation = operation,
            .timeout = absl::Nanoseconds(1 + 4 * Step()),
            .overrun = Below(4) == 0 ? Overrun::kTopUp : Overrun::kReject,
            .mode = mode};
      case 4:
      case 5: {
        LedgerCapture capture{
            .reservation = Earlier(reservations_, command.account),
            .final = Below(4) != 0};
        if (Below(3) != 0) capture.amount = Amount();
        postings_.emplace_back(command.account, command.id);
        return capture;
      }
      case 6:
        return LedgerVoid{.reservation =
                              Earlier(reservations_, command.account)};
      case 7:
      case 8:
        postings_.emplace_back(command.account, command.id);
        return SpendCommand{
            .amount = Amount(), .operation = operation, .mode = mode};
      default: {
        LedgerRefund refund{.command = Earlier(postings_, command.account)};
        if (Below(3) != 0) refund.amount = Amount();
        return refund;
      }
    }
  }

  std::mt19937_64 random_;
  const std::string prefix_;
  UnixNanos now_;
  std::vector<std::string> accounts_;
  std::deque<std::string> texts_;
  std::deque<LedgerCommand> commands_;
  std::vector<std::pair<absl::string_view, absl::string_view>> reservations_;
  std::vector<std::pair<absl::string_view, absl::string_view>> postings_;
  uint64_t next_ = 0;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_LEDGER_WORKLOAD_H_

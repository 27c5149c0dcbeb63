#include "konpro/access/limiter_snapshot.h"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/account_id.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/catalog_file.h"
#include "konpro/limits/limiter.h"
#include "konpro/limits/rate_window.h"

namespace konpro {
namespace {

// Collects accounts into parts.
class Parts {
 public:
  Parts(UnixNanos fresh_since, SnapshotWriter write)
      : fresh_since_(fresh_since), write_(write) {}

  void Add(const LimiterRegistry::Account& account) {
    const auto [place, is_new] =
        places_.try_emplace(account.windows, part_.windows_size());
    if (is_new) {
      v1::LimiterWindows& out = *part_.add_windows();
      for (size_t i = 0; i < account.windows->kept_size(); ++i) {
        *out.add_windows() = RateWindowToProto(account.windows->window(i));
      }
      out.set_keeps_last(account.windows->size() <
                         account.windows->kept_size());
      out.set_suspended(account.windows->size() > 0 &&
                        account.windows->cost_max() == 0);
    }
    v1::LimiterAccount& out = *part_.add_accounts();
    out.set_id(account.id.data(), account.id.size());
    out.set_windows(static_cast<uint32_t>(place->second));
    out.set_first(account.state.windows[0].word);
    out.set_second(account.state.windows[1].word);
    if (part_.accounts_size() == int{kSnapshotPartAccounts}) Write();
  }

  void Finish() {
    if (part_.accounts_size() > 0 || !has_written_) Write();
  }

 private:
  void Write() {
    part_.set_fresh_since(fresh_since_.nanos());
    write_(part_);
    part_.Clear();
    places_.clear();
    has_written_ = true;
  }

  const UnixNanos fresh_since_;
  const SnapshotWriter write_;
  v1::LimiterSnapshot part_;
  // By identity: a registry keeps equal windows once.
  std::unordered_map<const LimiterWindows*, int> places_;
  bool has_written_ = false;
};

absl::Status DataLoss(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("limiter snapshot: ", what));
}

absl::StatusOr<LimiterWindows> FromProto(const v1::LimiterWindows& message) {
  std::vector<RateWindow> windows;
  for (const v1::RateWindow& m : message.windows()) {
    const absl::StatusOr<RateWindow> window = RateWindowFromProto(m);
    if (!window.ok()) {
      return DataLoss(absl::StrCat("windows: ", window.status().message()));
    }
    windows.push_back(*window);
  }
  const absl::Status status = CheckWindows(windows);
  if (!status.ok()) return DataLoss(status.message());
  LimiterWindows result = LimiterWindows::Of(windows);
  if (message.keeps_last()) {
    if (windows.size() != 2) return DataLoss("windows: none to keep");
    result = LimiterWindows(windows[0]).WithKept(windows[1]);
  }
  return message.suspended() && !windows.empty() ? result.Suspended() : result;
}

}  // namespace

void SnapshotLimiter(LimiterRegistry& registry, SnapshotWriter write) {
  Parts parts(registry.fresh_since(), write);
  registry.ForEach(
      [&](const LimiterRegistry::Account& account) { parts.Add(account); });
  parts.Finish();
}

absl::Status HandOverLimiter(LimiterRegistry& registry, SnapshotWriter write) {
  Parts parts(registry.fresh_since(), write);
  const absl::Status status = registry.HandOver(
      [&](const LimiterRegistry::Account& account) { parts.Add(account); });
  if (status.ok()) parts.Finish();
  return status;
}

absl::Status RestoreLimiter(const v1::LimiterSnapshot& part,
                            LimiterRegistry& registry) {
  std::vector<LimiterWindows> windows;
  for (const v1::LimiterWindows& message : part.windows()) {
    const absl::StatusOr<LimiterWindows> compiled = FromProto(message);
    if (!compiled.ok()) return compiled.status();
    windows.push_back(*compiled);
  }
  for (const v1::LimiterAccount& account : part.accounts()) {
    if (account.windows() >= windows.size()) {
      return DataLoss("an account refers to windows that are not there");
    }
    const absl::Status id = CheckAccountId(account.id());
    if (!id.ok()) return DataLoss(id.message());
    if (account.first() == WindowRule::kClosed.word ||
        account.second() == WindowRule::kClosed.word) {
      return DataLoss("an account has a state outside its limits");
    }
  }
  registry.RaiseFreshSince(UnixNanos::FromNanos(part.fresh_since()));
  for (const v1::LimiterAccount& account : part.accounts()) {
    const absl::Status status =
        registry.Restore({.id = account.id(),
                          .windows = &windows[account.windows()],
                          .state = {{WindowState{account.first()},
                                     WindowState{account.second()}}}});
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace konpro

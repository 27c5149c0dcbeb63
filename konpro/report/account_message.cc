#include "konpro/report/account_message.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "konpro/catalog/plan.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/internal/table.h"
#include "konpro/report/report_message.h"

namespace konpro {
namespace {

absl::string_view StateText(const ApiKeyRecord& record, absl::Time now) {
  if (record.state == ApiKeyState::kDeactivated) return "deactivated";
  if (record.state == ApiKeyState::kReplaced) return "replaced";
  return record.IsAliveAt(now) ? "active" : "expired";
}

// "2026-11-26T17:56:00.265Z" to the second: the text beside it is short.
std::string WithoutFraction(const std::string& time) {
  const size_t point = time.find('.');
  return point == std::string::npos ? time : time.substr(0, point) + "Z";
}

}  // namespace

v1::Balance ToMessage(const Balance& balance) {
  v1::Balance out;
  *out.mutable_available() = ToAmount(balance.available);
  *out.mutable_reserved() = ToAmount(balance.reserved);
  *out.mutable_posted() = ToAmount(balance.posted);
  *out.mutable_expired() = ToAmount(balance.expired);
  *out.mutable_pending() = ToAmount(balance.pending);
  *out.mutable_voided() = ToAmount(balance.voided);
  if (balance.uncollected != Credits()) {
    *out.mutable_uncollected() = ToAmount(balance.uncollected);
  }
  return out;
}

v1::Account ToMessage(const Admission::AccountView& view,
                      absl::Span<const ApiKeyRecord> keys, absl::Time now) {
  v1::Account account;
  account.set_account(view.record.account_id);
  account.set_plan(view.record.plan);
  account.set_is_suspended(view.record.is_suspended);
  account.set_is_not_yet_durable(!view.record.is_durable);
  account.set_has_own_windows(!view.record.windows.empty());
  for (const RateWindow& window : view.windows) {
    v1::AccountWindow& added = *account.add_windows();
    added.set_name(std::string(window.name()));
    added.set_kind(window.kind() == WindowKind::kFixed ? "fixed"
                                                       : "token_bucket");
    added.set_limit(window.limit());
    added.set_period_ms(window.period_ms());
    added.set_phase_ms(window.phase_ms());
  }
  for (const std::string& operation : view.plan->operations()) {
    account.add_operations(operation);
  }
  account.set_created_at(TimeText(view.record.created_at));
  account.set_changed_at(TimeText(view.record.changed_at));
  int accepted = 0;
  for (const ApiKeyRecord& key : keys) {
    accepted += key.IsAliveAt(now) ? 1 : 0;
  }
  account.set_keys(accepted);
  if (view.balance.has_value()) {
    *account.mutable_balance() = ToMessage(*view.balance);
  }
  return account;
}

void AddUse(const Admission::AccountView& view, v1::Account& account) {
  if (!view.limits.has_value()) return;
  for (size_t i = 0; i < view.limits->windows().size(); ++i) {
    for (v1::AccountWindow& window : *account.mutable_windows()) {
      if (window.name() != view.limits->windows().window(i).name()) continue;
      window.set_remaining(static_cast<int64_t>(view.limits->remaining(i)));
      window.set_reset_after_seconds(absl::ToInt64Seconds(
          absl::Ceil(view.limits->reset_after(i), absl::Seconds(1))));
    }
  }
}

v1::ApiKey ToMessage(const ApiKeyRecord& record, absl::Time now) {
  v1::ApiKey key;
  key.set_id(record.id().ToString());
  key.set_account(record.account_id);
  key.set_last_four(record.last_four);
  key.set_scope(std::string(ApiKeyScopeName(record.scope)));
  key.set_state(std::string(StateText(record, now)));
  key.set_created_at(TimeText(record.created_at));
  key.set_changed_at(TimeText(record.changed_at));
  key.set_ends_at(TimeText(record.ends_at));
  key.set_last_used_at(record.last_used_at == absl::InfinitePast()
                           ? "never"
                           : TimeText(record.last_used_at));
  key.set_is_not_yet_durable(!record.is_durable);
  return key;
}

void PrintAccountText(const v1::Account& account,
                      const Admission::AccountView& view, std::ostream& out) {
  out << "account     " << account.account()
      << (account.is_suspended() ? " (suspended" : "")
      << (account.is_not_yet_durable() ? ", not yet durable" : "")
      << (account.is_suspended() ? ")" : "") << "\n"
      << "plan        " << account.plan() << "\n"
      << "requests    "
      << (view.windows.empty() ? "none: it has not been given any"
                               : FormatWindows(view.windows))
      << (account.has_own_windows() ? " (its own)" : "") << "\n"
      << "operations  " << absl::StrJoin(account.operations(), ", ") << "\n"
      << "keys        " << account.keys() << "\n";
  if (account.has_balance()) {
    const v1::Balance& balance = account.balance();
    out << "credits     " << balance.available().credits() << " available, "
        << balance.reserved().credits() << " reserved, "
        << balance.posted().credits() << " spent\n";
  } else {
    out << "credits     none, never any\n";
  }
}

void PrintKeysText(const std::vector<v1::ApiKey>& keys, std::ostream& out) {
  ReportTable table({{.title = "id", .is_whole = true},
                     {"key"},
                     {"scope"},
                     {"state"},
                     {.title = "created", .is_whole = true},
                     {.title = "ends", .is_whole = true},
                     {.title = "last used", .is_whole = true}});
  for (const v1::ApiKey& key : keys) {
    table.AddRow(
        {key.id(), absl::StrCat("...", key.last_four()), key.scope(),
         absl::StrCat(key.state(),
                      key.is_not_yet_durable() ? ", not yet durable" : ""),
         WithoutFraction(key.created_at()), key.ends_at(), key.last_used_at()});
  }
  table.PrintText(out);
}

}  // namespace konpro

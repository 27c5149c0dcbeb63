#include "konpro/cli/account_command.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "konpro/access/admission.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/catalog/window_text.h"
#include "konpro/report/report_format.h"
#include "konpro/report/report_json.h"
#include "konpro/report/report_message.h"
#include "proto/door_report.pb.h"

namespace konpro::cli {
namespace {

v1::AccountReport ReportOf(const Admission::AccountView& view) {
  v1::AccountReport report;
  report.set_account(view.record.account_id);
  report.set_plan(view.record.plan);
  report.set_is_suspended(view.record.is_suspended);
  report.set_has_own_windows(!view.record.windows.empty());
  for (const RateWindow& window : view.windows) {
    v1::WindowReport& added = *report.add_windows();
    added.set_name(std::string(window.name()));
    added.set_kind(window.kind() == WindowKind::kFixed ? "fixed"
                                                       : "token_bucket");
    added.set_limit(window.limit());
    added.set_period_ms(window.period_ms());
    added.set_phase_ms(window.phase_ms());
  }
  for (const std::string& operation : view.plan->operations()) {
    report.add_operations(operation);
  }
  report.set_created_at(TimeText(view.record.created_at));
  report.set_changed_at(TimeText(view.record.changed_at));
  if (view.balance.has_value()) {
    *report.mutable_available() = ToAmount(view.balance->available);
    *report.mutable_reserved() = ToAmount(view.balance->reserved);
    *report.mutable_posted() = ToAmount(view.balance->posted);
  }
  return report;
}

void PrintReport(const v1::AccountReport& report,
                 const Admission::AccountView& view, std::ostream& out) {
  out << "account     " << report.account()
      << (report.is_suspended() ? " (suspended)" : "") << "\n"
      << "plan        " << report.plan() << "\n"
      << "requests    "
      << (view.windows.empty() ? "none: it has not been given any"
                               : FormatWindows(view.windows))
      << (report.has_own_windows() ? " (its own)" : "") << "\n"
      << "operations  " << absl::StrJoin(report.operations(), ", ") << "\n"
      << "keys        " << report.keys() << "\n";
  if (view.balance.has_value()) {
    out << "credits     " << report.available().credits() << " available, "
        << report.reserved().credits() << " reserved, "
        << report.posted().credits() << " spent\n";
  } else {
    out << "credits     none, never any\n";
  }
}

absl::Status Show(const DoorFile& file, absl::string_view account,
                  Service& service, absl::Time now, Streams streams) {
  const absl::StatusOr<Admission::AccountView> view =
      service.admission().Describe(account, UnixNanos::FromTime(now));
  if (!view.ok()) return view.status();
  v1::AccountReport report = ReportOf(*view);
  int live = 0;
  for (const ApiKeyRecord& key : service.keys().List(account)) {
    live += key.state != ApiKeyState::kDeactivated && key.ends_at > now;
  }
  report.set_keys(live);
  if (file.format == ReportFormat::kJson) {
    PrintJson(report, streams.out);
  } else {
    PrintReport(report, *view, streams.out);
  }
  return absl::OkStatus();
}

// Does the work, then shows the account.
ExitCode Change(const DoorFile& file, const std::string& account, bool create,
                Streams streams, DoorWork work) {
  return WithDoor(file, create, streams, [&](Service& service, absl::Time now) {
    const absl::Status status = work(service, now);
    if (!status.ok()) return status;
    return Show(file, account, service, now, streams);
  });
}

}  // namespace

ExitCode RunAccountProvision(const DoorFile& file, const std::string& account,
                             Streams streams) {
  return Change(file, account, /*create=*/true, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().Provision(account, now).status();
                });
}

ExitCode RunAccountPlan(const DoorFile& file, const AccountPlanOptions& options,
                        Streams streams) {
  return Change(file, options.account, /*create=*/false, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().SetPlan(
                      options.account, options.plan, options.windows, now);
                });
}

ExitCode RunAccountSuspend(const DoorFile& file, const std::string& account,
                           Streams streams) {
  return Change(file, account, /*create=*/false, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().Suspend(account, now);
                });
}

ExitCode RunAccountResume(const DoorFile& file, const std::string& account,
                          Streams streams) {
  return Change(file, account, /*create=*/false, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().Resume(account, now);
                });
}

ExitCode RunAccountShow(const DoorFile& file, const std::string& account,
                        Streams streams) {
  return Change(file, account, /*create=*/false, streams,
                [](Service&, absl::Time) { return absl::OkStatus(); });
}

}  // namespace konpro::cli

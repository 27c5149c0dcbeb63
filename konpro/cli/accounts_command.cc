#include "konpro/cli/accounts_command.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "konpro/access/admission.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/report/account_message.h"
#include "konpro/report/report_message.h"

namespace konpro::cli {
namespace {

absl::Status Show(const ServiceFile& file, absl::string_view account,
                  Service& service, absl::Time now, Streams streams) {
  const absl::StatusOr<Admission::AccountView> view =
      service.admission().Describe(account, UnixNanos::FromTime(now));
  if (!view.ok()) return view.status();
  const v1::Account message =
      ToMessage(*view, service.keys().List(account), now);
  if (file.format == ReportFormat::kJson) {
    PrintJson(message, streams.out);
  } else {
    PrintAccountText(message, *view, streams.out);
  }
  return absl::OkStatus();
}

// Does the work, then shows the account.
ExitCode Change(const ServiceFile& file, const std::string& account,
                bool create, Streams streams, ServiceWork work) {
  return WithService(file, create, streams,
                     [&](Service& service, absl::Time now) {
                       const absl::Status status = work(service, now);
                       if (!status.ok()) return status;
                       return Show(file, account, service, now, streams);
                     });
}

}  // namespace

ExitCode RunAccountProvision(const ServiceFile& file,
                             const std::string& account, Streams streams) {
  return Change(file, account, /*create=*/true, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().Provision(account, now).status();
                });
}

ExitCode RunAccountPlan(const ServiceFile& file,
                        const AccountPlanOptions& options, Streams streams) {
  return Change(file, options.account, /*create=*/false, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().SetPlan(
                      options.account, options.plan, options.windows, now);
                });
}

ExitCode RunAccountSuspend(const ServiceFile& file, const std::string& account,
                           Streams streams) {
  return Change(file, account, /*create=*/false, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().Suspend(account, now);
                });
}

ExitCode RunAccountResume(const ServiceFile& file, const std::string& account,
                          Streams streams) {
  return Change(file, account, /*create=*/false, streams,
                [&](Service& service, absl::Time now) {
                  return service.admission().Resume(account, now);
                });
}

ExitCode RunAccountShow(const ServiceFile& file, const std::string& account,
                        Streams streams) {
  return Change(file, account, /*create=*/false, streams,
                [](Service&, absl::Time) { return absl::OkStatus(); });
}

}  // namespace konpro::cli

// Accounts, for an administrator.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "konpro/base/account_id.h"
#include "konpro/limits/rate_window.h"
#include "konpro/report/account_message.h"
#include "konpro/serve/internal/api_route.h"
#include "konpro/serve/request_body.h"
#include "proto/account.pb.h"
#include "proto/api.pb.h"

namespace konpro::internal {
namespace {

constexpr int64_t kPageSize = 100;
constexpr int64_t kPageSizeMax = 1'000;

HttpAnswer Show(const ApiParts& api, const ApiCall& call,
                absl::string_view account) {
  const auto view = api.admission.Describe(account, call.now);
  if (!view.ok()) return AnswerOf(view.status());
  v1::Account message =
      ToMessage(*view, api.keys.List(account), call.now.ToTime());
  AddUse(*view, message);
  return JsonAnswer(message);
}

HttpAnswer ShowUnless(const absl::Status& error, const ApiParts& api,
                      const ApiCall& call) {
  return error.ok() ? Show(api, call, call.names[0]) : AnswerOf(error);
}

HttpAnswer Create(const ApiParts& api, const ApiCall& call) {
  v1::CreateAccountRequest body;
  absl::Status status = ReadBody(call.request.body, body);
  if (status.ok()) status = CheckAccountId(body.account());
  if (status.ok()) {
    status =
        api.admission.Provision(body.account(), call.now.ToTime()).status();
  }
  return status.ok() ? Show(api, call, body.account()) : AnswerOf(status);
}

HttpAnswer Read(const ApiParts& api, const ApiCall& call) {
  return Show(api, call, call.names[0]);
}

// A cursor is the last id of the page before, in a form that nobody makes up by
// hand.
absl::StatusOr<std::string> AfterOf(const HttpRequest& request) {
  const absl::StatusOr<std::string> cursor = ArgumentOf(request, "cursor");
  if (!cursor.ok()) return cursor.status();
  std::string after;
  if (!absl::WebSafeBase64Unescape(*cursor, &after)) {
    return absl::InvalidArgumentError(
        "the query: cursor is none of a page before");
  }
  return after;
}

absl::StatusOr<int64_t> LimitOf(const HttpRequest& request) {
  const absl::StatusOr<std::string> text = ArgumentOf(request, "limit");
  if (!text.ok()) return text.status();
  int64_t limit = kPageSize;
  if (text->empty() || (absl::SimpleAtoi(*text, &limit) && limit >= 1 &&
                        limit <= kPageSizeMax)) {
    return limit;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the query: limit is outside 1 .. ", kPageSizeMax));
}

HttpAnswer List(const ApiParts& api, const ApiCall& call) {
  const absl::Status known = CheckArguments(call.request, {"cursor", "limit"});
  if (!known.ok()) return AnswerOf(known);
  const absl::StatusOr<std::string> after = AfterOf(call.request);
  if (!after.ok()) return AnswerOf(after.status());
  const absl::StatusOr<int64_t> limit = LimitOf(call.request);
  if (!limit.ok()) return AnswerOf(limit.status());
  const std::vector<std::string> ids = api.accounts.AccountIds();
  auto id = std::upper_bound(ids.begin(), ids.end(), *after);
  v1::AccountList page;
  for (; id != ids.end() && page.accounts_size() < *limit; ++id) {
    const auto view = api.admission.Describe(*id, call.now);
    if (!view.ok()) return AnswerOf(view.status());
    v1::Account& account = *page.add_accounts();
    account = ToMessage(*view, api.keys.List(*id), call.now.ToTime());
    AddUse(*view, account);
  }
  if (id != ids.end()) page.set_next(absl::WebSafeBase64Escape(*(id - 1)));
  return JsonAnswer(page);
}

absl::StatusOr<std::vector<RateWindow>> WindowsOf(const std::string& text) {
  if (text.empty()) return std::vector<RateWindow>();
  absl::StatusOr<std::vector<RateWindow>> windows = ParseWindows(text);
  if (windows.ok()) return windows;
  return absl::InvalidArgumentError(
      absl::StrCat("windows: ", windows.status().message()));
}

HttpAnswer SetPlan(const ApiParts& api, const ApiCall& call) {
  v1::SetPlanRequest body;
  const absl::Status read = ReadBody(call.request.body, body);
  if (!read.ok()) return AnswerOf(read);
  const auto windows = WindowsOf(body.windows());
  if (!windows.ok()) return AnswerOf(windows.status());
  return ShowUnless(api.admission.SetPlan(call.names[0], body.plan(), *windows,
                                          call.now.ToTime()),
                    api, call);
}

HttpAnswer SetWindows(const ApiParts& api, const ApiCall& call) {
  v1::SetWindowsRequest body;
  const absl::Status read = ReadBody(call.request.body, body);
  if (!read.ok()) return AnswerOf(read);
  const auto windows = WindowsOf(body.windows());
  if (!windows.ok()) return AnswerOf(windows.status());
  return ShowUnless(
      api.admission.SetWindows(call.names[0], *windows, call.now.ToTime()), api,
      call);
}

HttpAnswer Suspend(const ApiParts& api, const ApiCall& call) {
  return ShowUnless(api.admission.Suspend(call.names[0], call.now.ToTime()),
                    api, call);
}

HttpAnswer Resume(const ApiParts& api, const ApiCall& call) {
  return ShowUnless(api.admission.Resume(call.names[0], call.now.ToTime()), api,
                    call);
}

}  // namespace

absl::Span<const Route> AccountsRoutes() {
  static constexpr Route kRoutes[] = {
      {"POST", "/v1/accounts", kAdmins, {}, &Create},
      {"GET", "/v1/accounts", kAdmins, {}, &List},
      {"GET", "/v1/accounts/{}", kAdmins, {}, &Read},
      {"PUT", "/v1/accounts/{}/plan", kAdmins, {}, &SetPlan},
      {"PUT", "/v1/accounts/{}/windows", kAdmins, {}, &SetWindows},
      {"POST", "/v1/accounts/{}/suspend", kAdmins, {}, &Suspend},
      {"POST", "/v1/accounts/{}/resume", kAdmins, {}, &Resume},
  };
  return kRoutes;
}

}  // namespace konpro::internal

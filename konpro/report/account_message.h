// Accounts and API keys as messages (proto/account.proto, proto/api_key.proto)
// and as text.
//
//   const v1::Account account =
//       ToMessage(*view, service->keys().List("acme"), now);
//   PrintJson(account, out);
//
// Thread safety: all functions are pure but for their streams.
#ifndef KONPRO_REPORT_ACCOUNT_MESSAGE_H_
#define KONPRO_REPORT_ACCOUNT_MESSAGE_H_

#include <ostream>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "konpro/access/admission.h"
#include "konpro/access/key_directory.h"
#include "konpro/ledger/account.h"
#include "proto/account.pb.h"
#include "proto/api_key.pb.h"

namespace konpro {

v1::Balance ToMessage(const Balance& balance);

// `keys` are the account's. Without what the windows have used.
v1::Account ToMessage(const Admission::AccountView& view,
                      absl::Span<const ApiKeyRecord> keys, absl::Time now);

// Adds what the windows have used to the account's windows.
void AddUse(const Admission::AccountView& view, v1::Account& account);

v1::ApiKey ToMessage(const ApiKeyRecord& record, absl::Time now);

void PrintAccountText(const v1::Account& account,
                      const Admission::AccountView& view, std::ostream& out);
// As a table.
void PrintKeysText(const std::vector<v1::ApiKey>& keys, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_ACCOUNT_MESSAGE_H_

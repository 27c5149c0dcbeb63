#include "konpro/base/account_id.h"

#include "absl/strings/str_cat.h"
#include "konpro/base/internal/name.h"

namespace konpro {

bool IsAccountId(absl::string_view id) {
  return internal::IsId(id, kAccountIdBytesMax);
}

absl::Status CheckAccountId(absl::string_view id) {
  if (IsAccountId(id)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "account_id: ", internal::Quoted(id), " is not 1 to ", kAccountIdBytesMax,
      " bytes of printable ASCII without blanks"));
}

}  // namespace konpro

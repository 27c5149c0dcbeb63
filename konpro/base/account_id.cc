#include "konpro/base/account_id.h"

#include "konpro/base/internal/name.h"

namespace konpro {

bool IsAccountId(absl::string_view id) {
  return internal::IsId(id, kAccountIdBytesMax);
}

absl::Status CheckAccountId(absl::string_view id, absl::string_view field) {
  return internal::CheckId(field, id, kAccountIdBytesMax);
}

}  // namespace konpro

// The form of an account id, which is the same everywhere: in the limiter's
// registry, the ledger, the directories of keys and accounts, files and HTTP.
//
//   CheckAccountId("acct-1")      // OK
//   CheckAccountId("acct 1")      // account_id: "acct 1" is not 1 to 128 bytes
//                                 // of printable ASCII without blanks
//
// Everything that stores an account checks its id. A look-up checks nothing: it
// does not find an id of another form.
//
// Thread safety: pure functions.
#ifndef KONPRO_BASE_ACCOUNT_ID_H_
#define KONPRO_BASE_ACCOUNT_ID_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace konpro {

inline constexpr size_t kAccountIdBytesMax = 128;

// Whether `id` has 1 .. kAccountIdBytesMax bytes, each of them 0x21 .. 0x7e.
bool IsAccountId(absl::string_view id);

// kInvalidArgument if it is not IsAccountId(), with the message above. `field`:
// the caller's name of it.
absl::Status CheckAccountId(absl::string_view id,
                            absl::string_view field = "account_id");

}  // namespace konpro

#endif  // KONPRO_BASE_ACCOUNT_ID_H_

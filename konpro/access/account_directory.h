// An AccountDirectory keeps what is durable of an account besides credits and
// keys: its plan, windows of its own, and whether it is suspended.
// It knows no catalog: admission.h says what a plan means.
//
//   auto directory = *AccountDirectory::Open(store);
//   directory->Put({.account_id = "acme", .plan = "pro"});
//   directory->Find("acme")->plan                            // "pro"
//
// Thread safety: thread-safe.
//
// Invariants: (1) a record that Put() returned OK for is in every directory
// that is opened later from the store. (2) A Put() that fails changes nothing
// here.
//
// Limits: 2^24 accounts, as limiter_registry.h; about 250 bytes of memory an
// account.
#ifndef KONPRO_ACCESS_ACCOUNT_DIRECTORY_H_
#define KONPRO_ACCESS_ACCOUNT_DIRECTORY_H_

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/base/mutex.h"
#include "konpro/limits/rate_window.h"

namespace konpro {

struct AccountRecord {
  std::string account_id;
  // A name of the catalog's.
  std::string plan;
  // Instead of the plan's; empty: the plan's.
  std::vector<RateWindow> windows;
  bool is_suspended = false;
  // In whole milliseconds.
  absl::Time created_at = absl::UnixEpoch();
  absl::Time changed_at = absl::UnixEpoch();
  // False: it took effect, and the store could not write it yet. No store keeps
  // it.
  bool is_durable = true;

  friend bool operator==(const AccountRecord&, const AccountRecord&) = default;
};

// Keeps records beyond the process. An AccountDirectory makes one call at a
// time.
class AccountStore {
 public:
  virtual ~AccountStore() = default;
  // Durable when it returns OK. It replaces the record of that account, but for
  // created_at. kUnavailable: the store could not write, and is as before; if
  // it broke off, it may have written the record.
  virtual absl::Status Put(const AccountRecord& record) = 0;
  // Calls `load` with every record, in the order in which they were first
  // written, until it fails. kDataLoss: a record cannot be read.
  virtual absl::Status LoadAll(
      absl::FunctionRef<absl::Status(AccountRecord record)> load) = 0;
};

class AccountDirectory {
 public:
  static constexpr size_t kAccountsMax = size_t{1} << 24;

  // With all records of `store`, which must outlive the directory and is its
  // own from now on. kDataLoss: a record that no directory wrote. Else the
  // store's error.
  static absl::StatusOr<std::unique_ptr<AccountDirectory>> Open(
      AccountStore& store);

  // kInvalidArgument: the account's id is outside its limits.
  // kResourceExhausted: there are kAccountsMax. Else the store's error.
  absl::Status Put(AccountRecord record);
  // The same for a change that is in force already: the directory has it also
  // if the store fails, and the record says so (is_durable) until RetryPuts()
  // or a later Put() has written it.
  absl::Status PutInForce(AccountRecord record);
  // Writes the records that are not durable yet. OK if there is none; else the
  // store's error.
  absl::Status RetryPuts();

  // kNotFound.
  absl::StatusOr<AccountRecord> Find(absl::string_view account_id) const;
  std::vector<std::string> AccountIds() const;  // ordered
  size_t size() const;

 private:
  explicit AccountDirectory(AccountStore& store) : store_(store) {}

  absl::Status LoadAll();
  absl::Status CheckRoom(const AccountRecord& record) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status PutLocked(AccountRecord record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Guarded by mu_.
  mutable Mutex mu_;
  AccountStore& store_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, AccountRecord> records_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> undurable_ ABSL_GUARDED_BY(mu_);
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_ACCOUNT_DIRECTORY_H_

// A KeyStore and an AccountStore that end with the process: for tests, for
// simulations, and for a Service without a file (backend.h).
//
//   MemoryKeyStore store;
//   auto keys = KeyDirectory::Open(store, {.keys_max = 1'000});
//
// Thread safety: thread-compatible.
//
// Limits: memory alone; about 250 bytes a record.
#ifndef KONPRO_ACCESS_MEMORY_STORES_H_
#define KONPRO_ACCESS_MEMORY_STORES_H_

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/key_directory.h"

namespace konpro {

class MemoryKeyStore : public KeyStore {
 public:
  absl::StatusOr<size_t> Count() override { return records_.size(); }
  absl::Status Put(absl::Span<const ApiKeyRecord> records) override;
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) override;

 private:
  std::vector<ApiKeyRecord> records_;
  // From a digest's bytes to the record's index.
  std::unordered_map<std::string, size_t> index_;
};

class MemoryAccountStore : public AccountStore {
 public:
  absl::Status Put(const AccountRecord& record) override;
  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(AccountRecord record)> load) override;

 private:
  std::vector<AccountRecord> records_;
  // From an account's id to the record's index.
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_MEMORY_STORES_H_

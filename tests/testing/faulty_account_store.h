// An AccountStore in memory, that fails when it is told to.
#ifndef KONPRO_TESTS_TESTING_FAULTY_ACCOUNT_STORE_H_
#define KONPRO_TESTS_TESTING_FAULTY_ACCOUNT_STORE_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "konpro/access/account_directory.h"

namespace konpro::testing {

class FaultyAccountStore : public AccountStore {
 public:
  absl::Status Put(const AccountRecord& record) override {
    ++puts;
    if (during_put) during_put();
    if (!error.ok()) return error;
    for (AccountRecord& row : rows) {
      if (row.account_id == record.account_id) {
        row = record;
        return absl::OkStatus();
      }
    }
    rows.push_back(record);
    return absl::OkStatus();
  }

  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(AccountRecord record)> load) override {
    for (const AccountRecord& row : rows) {
      absl::Status status = load(row);
      if (!status.ok()) return status;
    }
    return error;
  }

  std::vector<AccountRecord> rows;
  absl::Status error;
  size_t puts = 0;
  std::function<void()> during_put;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_FAULTY_ACCOUNT_STORE_H_

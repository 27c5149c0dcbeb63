// A KeyStore in memory, that fails when it is told to and tells what it was
// asked to write.
#ifndef KONPRO_TESTS_TESTING_FAULTY_KEY_STORE_H_
#define KONPRO_TESTS_TESTING_FAULTY_KEY_STORE_H_

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/access/key_directory.h"

namespace konpro::testing {

class FaultyKeyStore : public KeyStore {
 public:
  absl::StatusOr<size_t> Count() override { return rows.size(); }

  absl::Status Put(absl::Span<const ApiKeyRecord> records) override {
    ++puts;
    if (during_put) during_put(records);
    if (!error.ok()) return error;
    for (const ApiKeyRecord& record : records) PutOne(record);
    return absl::OkStatus();
  }

  absl::Status LoadAll(
      absl::FunctionRef<absl::Status(ApiKeyRecord record)> load) override {
    for (const ApiKeyRecord& row : rows) {
      absl::Status status = load(row);
      if (!status.ok()) return status;
    }
    return error;
  }

  std::vector<ApiKeyRecord> rows;
  absl::Status error;
  size_t puts = 0;
  std::function<void(absl::Span<const ApiKeyRecord>)> during_put;

 private:
  void PutOne(const ApiKeyRecord& record) {
    for (ApiKeyRecord& row : rows) {
      if (row.digest == record.digest) {
        row = record;
        return;
      }
    }
    rows.push_back(record);
  }
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_FAULTY_KEY_STORE_H_

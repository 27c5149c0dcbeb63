// An Admission with its parts, on stores in memory that fail on request: the
// ledger's, the keys' and the accounts'.
#ifndef KONPRO_TESTS_TESTING_MEMORY_ADMISSION_H_
#define KONPRO_TESTS_TESTING_MEMORY_ADMISSION_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/admission.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/credits.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/limiter_registry.h"
#include "tests/testing/faulty_account_store.h"
#include "tests/testing/faulty_key_store.h"
#include "tests/testing/faulty_store.h"

namespace konpro::testing {

class MemoryAdmission {
 public:
  explicit MemoryAdmission(const Catalog& catalog = Catalog::BuiltIn(),
                           const Admission::Options& options = {},
                           size_t accounts_max = 100)
      : catalog_(catalog), options_(options), accounts_max_(accounts_max) {
    auto store = std::make_unique<FaultyStore>();
    ledger_store = store.get();
    ledger = Ledger::Open(std::move(store), {}).value();
    Open();
  }

  // As a new process on the same stores, but for the ledger.
  void Open() {
    admission.reset();
    keys =
        KeyDirectory::Open(key_store, {.keys_max = 4 * accounts_max_}).value();
    accounts = AccountDirectory::Open(account_store).value();
    limits = LimiterRegistry::Create({.capacity = accounts_max_}).value();
    admission = Admission::Open(parts(), options_).value();
  }

  Admission::Parts parts() {
    return {.catalog = catalog_,
            .keys = *keys,
            .accounts = *accounts,
            .limits = *limits,
            .ledger = *ledger};
  }

  void Grant(absl::string_view account, absl::string_view credits,
             UnixNanos at) {
    const auto granted = ledger->Apply(
        {.account = account,
         .id = "grant",
         .at = at,
         .request = GrantCommand{.amount = Credits::Parse(credits).value()}});
    (void)granted.value();
  }

  FaultyKeyStore key_store;
  FaultyAccountStore account_store;
  FaultyStore* ledger_store = nullptr;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<KeyDirectory> keys;
  std::unique_ptr<AccountDirectory> accounts;
  std::unique_ptr<LimiterRegistry> limits;
  std::unique_ptr<Admission> admission;

 private:
  const Catalog& catalog_;
  const Admission::Options options_;
  const size_t accounts_max_;
};

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_MEMORY_ADMISSION_H_

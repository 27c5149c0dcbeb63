// A Service opens admission, the ledger, and the directories of keys and
// accounts on one Backend, and owns all of them: a program that embeds the
// library, a command and a server need no more. It decides nothing itself.
//
//   auto service = *Service::Open(catalog, Backend::InMemory(), {});
//   service->admission().CreateKey({.account_id = "acme"}, now);
//   service->ledger().BalanceOf("acme", at);
//
// Thread safety: each part is thread-safe. Destruction must not run at the same
// time as any other call.
//
// Limits: the number of keys and accounts is bounded when the service is
// opened (Options). What rate windows have used is in memory alone, unless
// Options name another place.
#ifndef KONPRO_ACCESS_SERVICE_H_
#define KONPRO_ACCESS_SERVICE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "konpro/access/account_directory.h"
#include "konpro/access/admission.h"
#include "konpro/access/backend.h"
#include "konpro/access/key_directory.h"
#include "konpro/catalog/catalog.h"
#include "konpro/ledger/ledger.h"
#include "konpro/limits/limiter_registry.h"

namespace konpro {

namespace internal {
class StoreHealth;
class StoreProbe;
}  // namespace internal

class Service {
 public:
  struct Options {
    Admission::Options admission;
    // Its catalog is the service's.
    LedgerOptions ledger;
    // Room for keys and accounts beyond those in the backend; 150 and 64 bytes
    // of memory each.
    size_t spare_keys = 65'536;
    size_t spare_accounts = 65'536;
    // What the accounts' windows have used, from an earlier process; null: all
    // of them are fresh. It must have room for the accounts.
    std::unique_ptr<LimiterRegistry> limits = nullptr;
    // Receives each error of a write to the backend, and OK when a write has
    // succeeded again: for a log. It may be called on any thread, and must not
    // call the service.
    std::function<void(const absl::Status&)> on_store = nullptr;
    // Opens the same with room for `capacity` accounts, and the states that
    // `accounts` had, in memory of its own: it outlives the service. Open()
    // returns its error.
    std::function<absl::StatusOr<LimiterRegistry*>(
        size_t capacity, absl::Span<const std::string> accounts)>
        open_limits = nullptr;
  };

  // `catalog` outlives the service, or as SetCatalog() says. kInvalidArgument:
  // a store of `backend` is null; names it. Otherwise errors of the parts'
  // Open().
  static absl::StatusOr<std::unique_ptr<Service>> Open(const Catalog& catalog,
                                                       Backend backend,
                                                       Options options);

  // Writes when keys were last used; an error of that is lost.
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // The error of the last write to the backend: OK once one has succeeded
  // again. kDeadlineExceeded: a write has been running for 5 seconds. For
  // readiness; its message may have a path, and is the operator's.
  absl::Status StoreStatus() const;
  // Writes again what took effect and is not durable yet: deactivated keys,
  // suspended accounts. If the last write failed, also tries one, so that
  // StoreStatus() is OK as soon as the store is. Nothing to do costs nothing:
  // call it every second or so.
  void RetryWrites();

  // Admission::SetCatalog(), for the ledger too: commands name operations of
  // this catalog from the next one on.
  absl::Status SetCatalog(const Catalog& catalog);

  Admission& admission() { return *admission_; }
  KeyDirectory& keys() { return *keys_; }
  AccountDirectory& accounts() { return *accounts_; }
  LimiterRegistry& limits() { return *limits_; }
  Ledger& ledger() { return *ledger_; }

 private:
  Service() = default;

  // REQUIRES: accounts_ is open.
  size_t AccountsMax(const Options& options) const;
  absl::Status OpenDirectories(const Options& options);
  absl::Status OpenLimits(Options options);

  // Shared with the backend's stores.
  std::shared_ptr<internal::StoreHealth> health_;
  internal::StoreProbe* probe_ = nullptr;  // the ledger's store

  // Constant after construction; each refers to those before it alone.
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<KeyStore> key_store_;
  std::unique_ptr<KeyDirectory> keys_;
  std::unique_ptr<AccountStore> account_store_;
  std::unique_ptr<AccountDirectory> accounts_;
  std::unique_ptr<LimiterRegistry> own_limits_;
  LimiterRegistry* limits_ =
      nullptr;  // own_limits_, or what open_limits opened
  std::unique_ptr<Admission> admission_;
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_SERVICE_H_

#include "konpro/access/service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "konpro/access/internal/watched_backend.h"

namespace konpro {
namespace {

// Moves what `made` has to `part`; its error otherwise.
template <typename Part>
absl::Status Take(absl::StatusOr<std::unique_ptr<Part>> made,
                  std::unique_ptr<Part>& part) {
  if (!made.ok()) return made.status();
  part = *std::move(made);
  return absl::OkStatus();
}

// A backend may be made by hand.
absl::Status CheckWhole(const Backend& backend) {
  const absl::string_view missing = backend.ledger == nullptr     ? "ledger"
                                    : backend.keys == nullptr     ? "keys"
                                    : backend.accounts == nullptr ? "accounts"
                                                                  : "";
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("backend.", missing, ": there is no store"));
}

}  // namespace

Service::~Service() {
  if (keys_ != nullptr) keys_->SaveLastUses().IgnoreError();
}

absl::StatusOr<std::unique_ptr<Service>> Service::Open(const Catalog& catalog,
                                                       Backend backend,
                                                       Options options) {
  absl::Status status = CheckWhole(backend);
  if (!status.ok()) return status;
  std::unique_ptr<Service> service(new Service());
  service->health_ =
      std::make_shared<internal::StoreHealth>(std::move(options.on_store));
  internal::WatchedBackend watched =
      internal::Watch(std::move(backend), service->health_);
  backend = std::move(watched.backend);
  service->probe_ = watched.probe;
  options.ledger.catalog = &catalog;
  status = Take(Ledger::Open(std::move(backend.ledger), options.ledger),
                service->ledger_);
  if (!status.ok()) return status;
  service->key_store_ = std::move(backend.keys);
  service->account_store_ = std::move(backend.accounts);
  status = service->OpenDirectories(options);
  if (!status.ok()) return status;
  const Admission::Options admission = options.admission;
  status = service->OpenLimits(std::move(options));
  if (!status.ok()) return status;
  status = Take(Admission::Open({.catalog = catalog,
                                 .keys = *service->keys_,
                                 .accounts = *service->accounts_,
                                 .limits = *service->limits_,
                                 .ledger = *service->ledger_},
                                admission),
                service->admission_);
  if (!status.ok()) return status;
  return service;
}

absl::Status Service::StoreStatus() const { return health_->status(); }

void Service::RetryWrites() {
  // Errors are noted by the stores.
  keys_->RetryDeactivations().IgnoreError();
  accounts_->RetryPuts().IgnoreError();
  if (health_->is_troubled()) probe_->Probe().IgnoreError();
}

absl::Status Service::SetCatalog(const Catalog& catalog) {
  absl::Status status = admission_->SetCatalog(catalog);
  if (status.ok()) ledger_->SetCatalog(catalog);
  return status;
}

absl::Status Service::OpenDirectories(const Options& options) {
  absl::Status status =
      Take(AccountDirectory::Open(*account_store_), accounts_);
  if (!status.ok()) return status;
  const absl::StatusOr<size_t> keys = key_store_->Count();
  if (!keys.ok()) return keys.status();
  // The directory of keys knows all accounts.
  const size_t keys_max =
      std::min(std::max(*keys + options.spare_keys, AccountsMax(options)),
               KeyDirectory::kKeysMaxMax);
  return Take(KeyDirectory::Open(*key_store_, {.keys_max = keys_max}), keys_);
}

size_t Service::AccountsMax(const Options& options) const {
  return std::min(
      accounts_->size() + std::max<size_t>(options.spare_accounts, 1),
      LimiterRegistry::kCapacityMax);
}

absl::Status Service::OpenLimits(Options options) {
  const size_t capacity = AccountsMax(options);
  if (options.open_limits != nullptr) {
    const absl::StatusOr<LimiterRegistry*> opened =
        options.open_limits(capacity, accounts_->AccountIds());
    if (!opened.ok()) return opened.status();
    limits_ = *opened;
    return absl::OkStatus();
  }
  own_limits_ = std::move(options.limits);
  if (own_limits_ == nullptr) {
    absl::Status status =
        Take(LimiterRegistry::Create({.capacity = capacity}), own_limits_);
    if (!status.ok()) return status;
  }
  limits_ = own_limits_.get();
  return absl::OkStatus();
}

}  // namespace konpro

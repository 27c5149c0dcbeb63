// A Backend is everything durable of a Service: one store each for the
// ledger's journal, for API keys and for accounts. It decides nothing, and a
// Service that is opened on it owns it.
//
//   Backend memory = Backend::InMemory();                // ends with it
//   Backend file = *OpenSqliteBackend("credits.db", {}); // sqlite_backend.h
//
// Thread safety: thread-compatible. What is opened on a store calls it from one
// thread at a time; the three stores may be called at the same time.
#ifndef KONPRO_ACCESS_BACKEND_H_
#define KONPRO_ACCESS_BACKEND_H_

#include <memory>

#include "konpro/access/account_directory.h"
#include "konpro/access/key_directory.h"
#include "konpro/ledger/store.h"

namespace konpro {

struct Backend {
  static Backend InMemory();

  // None of them is null.
  std::unique_ptr<Store> ledger;
  std::unique_ptr<KeyStore> keys;
  std::unique_ptr<AccountStore> accounts;
};

}  // namespace konpro

#endif  // KONPRO_ACCESS_BACKEND_H_

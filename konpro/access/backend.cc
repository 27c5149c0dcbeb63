#include "konpro/access/backend.h"

#include "konpro/access/memory_stores.h"
#include "konpro/ledger/store.h"

namespace konpro {

Backend Backend::InMemory() {
  return {.ledger = std::make_unique<MemoryStore>(),
          .keys = std::make_unique<MemoryKeyStore>(),
          .accounts = std::make_unique<MemoryAccountStore>()};
}

}  // namespace konpro

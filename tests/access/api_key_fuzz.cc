// Any text as a key: the one key gets in, and what is said of the rest is
// consistent.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "konpro/access/api_key.h"
#include "konpro/access/key_directory.h"
#include "konpro/base/unix_nanos.h"
#include "tests/testing/faulty_key_store.h"

namespace {

using konpro::ApiKeyVerdict;

struct Directory {
  konpro::testing::FaultyKeyStore store;
  std::unique_ptr<konpro::KeyDirectory> directory =
      konpro::KeyDirectory::Open(store, {.keys_max = 8}).value();
  konpro::MintedKey key =
      directory->Mint({.account_id = "acme"}, absl::UnixEpoch()).value();
};

ApiKeyVerdict Expected(const Directory& d, konpro::ApiKeyText text) {
  if (text.empty()) return ApiKeyVerdict::kMissing;
  // The fuzzer learns it from the comparisons that it sees.
  if (text.Reveal() == d.key.secret.text().Reveal()) {
    return ApiKeyVerdict::kAccepted;
  }
  return text.IsWellFormed() ? ApiKeyVerdict::kUnknown
                             : ApiKeyVerdict::kMalformed;
}

void Check(const Directory& d, absl::string_view bytes) {
  const konpro::ApiKeyText text(bytes);
  const konpro::Authentication who =
      d.directory->Authenticate(text, konpro::UnixNanos());
  if (who.verdict() != Expected(d, text)) std::abort();
  if (who.account_id() != (who.ok() ? "acme" : "")) std::abort();
  const auto id = konpro::ApiKeyId::Parse(bytes);
  if (id.ok() && id->ToString() != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Directory& d = *new Directory;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Check(d, bytes);
  // The live key with one byte of the input put in.
  if (size < 2) return 0;
  std::string near(d.key.secret.text().Reveal());
  near[data[0] % near.size()] = bytes[1];
  Check(d, near);
  return 0;
}

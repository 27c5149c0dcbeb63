// Any text as messages and as an object of any members: what is read is written
// and read back as the same, and is what protobuf reads, if it reads it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "konpro/base/internal/json_value.h"
#include "konpro/input/internal/usage_json.h"
#include "konpro/input/json_message.h"
#include "proto/command.pb.h"
#include "proto/report.pb.h"
#include "proto/usage.pb.h"

namespace {

using ::google::protobuf::util::MessageDifferencer;

template <typename Message>
void ReadAndBack(absl::string_view text) {
  Message message;
  const auto error = konpro::ReadJsonMessage(text, message);
  if (error.has_value()) {
    if (error->what.empty() || error->line < 1 || error->column < 1) {
      std::abort();
    }
    return;
  }
  Message expected;
  if (google::protobuf::util::JsonStringToMessage(
          std::string(text.data(), text.size()), &expected)
          .ok() &&
      !MessageDifferencer::Equals(message, expected)) {
    std::abort();
  }
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok()) {
    return;  // a time or a duration out of range
  }
  Message again;
  if (konpro::ReadJsonMessage(json, again).has_value()) std::abort();
  if (!MessageDifferencer::Equals(message, again)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  ReadAndBack<konpro::v1::UsageRecord>(text);
  ReadAndBack<konpro::v1::Estimate>(text);
  ReadAndBack<konpro::v1::CommandRequest>(text);
  konpro::internal::JsonValue any;
  const bool is_object = !konpro::ReadJsonLine(text, any).has_value();
  if (is_object && any.kind != konpro::internal::JsonKind::kObject) {
    std::abort();
  }
  konpro::v1::UsageRecord plain;
  if (konpro::ParsePlainUsageJson(text, plain)) {
    konpro::v1::UsageRecord record;
    if (konpro::ReadJsonMessage(text, record).has_value()) std::abort();
    if (!MessageDifferencer::Equals(plain, record)) std::abort();
  }
  return 0;
}

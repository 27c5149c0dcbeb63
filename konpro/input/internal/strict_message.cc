#include "konpro/input/internal/strict_message.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "konpro/base/internal/json.h"

namespace konpro {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

// How the value of a field is written: the low three bits of its tag.
enum Wire : uint32_t { kVarint = 0, k64Bits = 1, kBytes = 2, k32Bits = 5 };

struct WireField {
  uint32_t number = 0;
  uint32_t wire = 0;
  absl::string_view bytes;  // of kBytes
};

bool TakeVarint(absl::string_view& bytes, uint64_t& value) {
  constexpr size_t kVarintBytesMax = 10;
  if (!bytes.empty() && (bytes[0] & 0x80) == 0) {
    value = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    return true;
  }
  value = 0;
  for (size_t i = 0; i < std::min(bytes.size(), kVarintBytesMax); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

bool TakeField(absl::string_view& bytes, WireField& field) {
  uint64_t tag = 0;
  uint64_t value = 0;
  if (!TakeVarint(bytes, tag) || tag > UINT32_MAX) return false;
  field = {.number = static_cast<uint32_t>(tag >> 3),
           .wire = static_cast<uint32_t>(tag & 7)};
  switch (field.wire) {
    case kVarint:
      return TakeVarint(bytes, value);
    case k64Bits:
      value = 8;
      break;
    case k32Bits:
      value = 4;
      break;
    case kBytes:
      if (!TakeVarint(bytes, value)) return false;
      break;
    default:
      return false;
  }
  if (value > bytes.size()) return false;
  field.bytes = bytes.substr(0, value);
  bytes.remove_prefix(value);
  return true;
}

bool IsUtf8(absl::string_view text) {
  // Most texts are ASCII, which is found without a branch a byte.
  unsigned char bits = 0;
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  if ((bits & 0x80) == 0) return true;
  while (!text.empty()) {
    const size_t bytes = internal::Utf8SequenceBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

// The key of an entry of a map, "" if it has none.
absl::string_view KeyOf(absl::string_view entry) {
  constexpr uint32_t kKeyNumber = 1;
  WireField field;
  while (!entry.empty() && TakeField(entry, field)) {
    if (field.number == kKeyNumber) return field.bytes;
  }
  return "";
}

}  // namespace

StrictMessage::StrictMessage(const Descriptor& type) : type_(type) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& descriptor = *type.field(i);
    const auto number = static_cast<size_t>(descriptor.number());
    fields_.resize(std::max(fields_.size(), number + 1));
    Field& field = fields_[number];
    field.descriptor = &descriptor;
    field.is_text = descriptor.type() == FieldDescriptor::TYPE_STRING;
    if (descriptor.message_type() != nullptr) {
      field.message =
          std::make_unique<StrictMessage>(*descriptor.message_type());
    }
    if (descriptor.is_repeated()) continue;
    field.excluded = uint64_t{1} << number;
    const auto* choice = descriptor.real_containing_oneof();
    for (int k = 0; choice != nullptr && k < choice->field_count(); ++k) {
      field.excluded |= uint64_t{1} << choice->field(k)->number();
    }
  }
}

absl::Status StrictMessage::Check(absl::string_view bytes) const {
  std::string error;
  return Check(bytes, error) ? absl::OkStatus()
                             : absl::InvalidArgumentError(error);
}

bool StrictMessage::CheckValue(const Field& field, absl::string_view value,
                               std::string& error) const {
  if (field.message != nullptr) return field.message->Check(value, error);
  if (!field.is_text || IsUtf8(value)) return true;
  error = absl::StrCat(field.descriptor->name(), ": is not UTF-8");
  return false;
}

std::string StrictMessage::ExcludedError(const Field& field,
                                         uint64_t seen) const {
  const std::string& name = field.descriptor->name();
  for (const Field& other : fields_) {
    if (other.descriptor == nullptr || &other == &field) continue;
    const uint64_t bit = uint64_t{1} << other.descriptor->number();
    if ((field.excluded & seen & bit) == 0) continue;
    return absl::StrCat(name, ": stands beside \"", other.descriptor->name(),
                        "\": there can be one of them");
  }
  return absl::StrCat(name, ": stands twice");
}

bool StrictMessage::Check(absl::string_view bytes, std::string& error) const {
  uint64_t seen = 0;
  std::vector<absl::string_view> keys;
  WireField value;
  while (!bytes.empty()) {
    if (!TakeField(bytes, value)) {
      error = absl::StrCat("its bytes are no ", type_.full_name());
      return false;
    }
    if (value.number >= fields_.size() ||
        fields_[value.number].descriptor == nullptr) {
      error = absl::StrCat("field ", value.number, " is not known");
      return false;
    }
    const Field& field = fields_[value.number];
    if ((seen & field.excluded) != 0) {
      error = ExcludedError(field, seen);
      return false;
    }
    seen |= uint64_t{1} << value.number;
    if (value.wire != kBytes) continue;
    if (!CheckValue(field, value.bytes, error)) return false;
    if (field.descriptor->is_map()) keys.push_back(KeyOf(value.bytes));
  }
  std::sort(keys.begin(), keys.end());
  if (std::adjacent_find(keys.begin(), keys.end()) == keys.end()) return true;
  error = "a key of a map stands twice";
  return false;
}

}  // namespace konpro

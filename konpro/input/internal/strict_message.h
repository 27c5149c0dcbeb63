// What protobuf's own reader takes from binary without a word, and JSON does
// not have here either: a field that stands twice, of which the last counts,
// and one that the message does not have.
//
//   const StrictMessage usage(*v1::UsageRecord::descriptor());
//   usage.Check(bytes)   // kInvalidArgument: "record_id: stands twice"
//
// Thread safety: immutable.
//
// Limits: fields have numbers below 64; no message contains its own type.
#ifndef KONPRO_INPUT_INTERNAL_STRICT_MESSAGE_H_
#define KONPRO_INPUT_INTERNAL_STRICT_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace konpro {

class StrictMessage {
 public:
  explicit StrictMessage(const google::protobuf::Descriptor& type);

  // kInvalidArgument if `bytes` are no message of the type, or one that has a
  // field twice that is not repeated, two fields of one choice, a field that is
  // not known, a key of a map twice, or a text that is not UTF-8. Packed fields
  // are not looked into.
  absl::Status Check(absl::string_view bytes) const;

 private:
  struct Field {
    // Null if there is no such field.
    const google::protobuf::FieldDescriptor* descriptor = nullptr;
    // The numbers of fields that cannot stand before it, a bit each.
    uint64_t excluded = 0;
    bool is_text = false;
    std::unique_ptr<StrictMessage> message;
  };

  // False with `error`.
  bool Check(absl::string_view bytes, std::string& error) const;
  bool CheckValue(const Field& field, absl::string_view value,
                  std::string& error) const;
  std::string ExcludedError(const Field& field, uint64_t seen) const;

  // Constant after construction.
  const google::protobuf::Descriptor& type_;
  // By number.
  std::vector<Field> fields_;
};

}  // namespace konpro

#endif  // KONPRO_INPUT_INTERNAL_STRICT_MESSAGE_H_

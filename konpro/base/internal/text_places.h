// Protobuf text to a message, and the place in the text of what breaks a rule.
//
//   internal::TextPlaces places("prices.textproto");
//   places.Parse(text, message)
//       // kInvalidArgument: prices.textproto:12:5: Expected "{".
//   places.Locate(absl::InvalidArgumentError("plans[0].name: is missing"))
//       // kInvalidArgument: prices.textproto:3:1: plans[0].name: is missing
//
// Thread safety: thread-compatible.
#ifndef KONPRO_BASE_INTERNAL_TEXT_PLACES_H_
#define KONPRO_BASE_INTERNAL_TEXT_PLACES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"

namespace konpro::internal {

class TextPlaces {
 public:
  // `file` is how messages name the text.
  explicit TextPlaces(absl::string_view file) : file_(file) {}

  // kInvalidArgument: `FILE:LINE:COLUMN: what`, lines and columns from 1.
  absl::Status Parse(absl::string_view text,
                     google::protobuf::Message& message);

  // `error`, whose message begins with a path such as `plans[1].name: `, as
  // kInvalidArgument with the place of that path; if a part of it is not there,
  // of its parent. REQUIRES: Parse() returned OK.
  absl::Status Locate(const absl::Status& error) const;

 private:
  const std::string file_;
  const google::protobuf::Descriptor* descriptor_ = nullptr;
  google::protobuf::TextFormat::ParseInfoTree tree_;
};

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_TEXT_PLACES_H_

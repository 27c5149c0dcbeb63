// A message as JSON, the form in which every report can be saved and read back.
//
//   PrintJson(ToAmount(*Credits::Parse("12.5")), out);
//   // {
//   //  "ticks": "75000000",
//   //  "credits": "12.5"
//   // }
//
// Thread safety: pure but for `out`; equal messages give equal bytes.
#ifndef KONPRO_REPORT_REPORT_JSON_H_
#define KONPRO_REPORT_REPORT_JSON_H_

#include <ostream>

#include "google/protobuf/message.h"

namespace konpro {

// One JSON value and a line feed. Names are those of the fields, fields without
// a value are printed too, and the keys of maps are sorted.
void PrintJson(const google::protobuf::Message& message, std::ostream& out);

}  // namespace konpro

#endif  // KONPRO_REPORT_REPORT_JSON_H_

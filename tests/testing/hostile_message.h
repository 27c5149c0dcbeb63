// Messages in which every text tries to become HTML.
#ifndef KONPRO_TESTS_TESTING_HOSTILE_MESSAGE_H_
#define KONPRO_TESTS_TESTING_HOSTILE_MESSAGE_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace konpro::testing {

inline constexpr char kHostileText[] =
    "</title></style></text>\"'><script>alert(1)</script><img src=x "
    "onerror=alert(2)>&lt;";

// Appends kHostileText to every text of `message` and of the messages in it,
// but where the text is a date, 2027-01-31.
inline void MakeHostile(google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const auto hostile = [](const std::string& text) {
    const bool date = text.size() == 10 && text[4] == '-' && text[7] == '-';
    return date ? text : text + kHostileText;
  };
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const int size =
        field->is_repeated() ? reflection.FieldSize(message, field) : 0;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        MakeHostile(*reflection.MutableMessage(&message, field));
      }
      for (int i = 0; i < size; ++i) {
        MakeHostile(*reflection.MutableRepeatedMessage(&message, field, i));
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (!field->is_repeated()) {
        reflection.SetString(&message, field,
                             hostile(reflection.GetString(message, field)));
      }
      for (int i = 0; i < size; ++i) {
        reflection.SetRepeatedString(
            &message, field, i,
            hostile(reflection.GetRepeatedString(message, field, i)));
      }
    }
  }
}

}  // namespace konpro::testing

#endif  // KONPRO_TESTS_TESTING_HOSTILE_MESSAGE_H_

#include "konpro/input/internal/delimited.h"

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace konpro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr size_t kMessageBytesMax = DelimitedReader::kMessageBytesMax;

std::string Size(size_t size) {
  std::string bytes;
  for (; size >= 0x80; size >>= 7) {
    bytes.push_back(static_cast<char>(size | 0x80));
  }
  bytes.push_back(static_cast<char>(size));
  return bytes;
}

std::string Delimited(const std::string& message) {
  return Size(message.size()) + message;
}

struct Messages {
  std::vector<std::string> texts;
  std::string error;
  int64_t last_number = 0;
  int64_t last_offset = 0;
};

Messages ReadMessages(const std::string& bytes) {
  std::istringstream in(bytes);
  InputFile input("-", in, nullptr);
  DelimitedReader reader(input);
  Messages messages;
  absl::string_view message;
  while (reader.Next(message)) messages.texts.emplace_back(message);
  messages.error = reader.error();
  messages.last_number = reader.number();
  messages.last_offset = reader.offset();
  return messages;
}

TEST(Delimited, MessagesAreWhatLiesBetweenSizes) {
  EXPECT_THAT(ReadMessages("").texts, IsEmpty());
  EXPECT_THAT(ReadMessages(std::string(1, '\0')).texts, ElementsAre(""));
  const Messages messages =
      ReadMessages(Delimited("ab") + Delimited("") + Delimited("c"));
  EXPECT_THAT(messages.texts, ElementsAre("ab", "", "c"));
  EXPECT_EQ(messages.error, "");
  EXPECT_EQ(messages.last_number, 4);
  EXPECT_EQ(messages.last_offset, 6);
}

TEST(Delimited, BlocksMayEndAnywhere) {
  for (size_t before = InputFile::kBlockBytes - 8;
       before <= InputFile::kBlockBytes; ++before) {
    const std::string first(before, 'a');
    const std::string second(300, 'b');
    EXPECT_THAT(ReadMessages(Delimited(first) + Delimited(second)).texts,
                ElementsAre(first, second));
  }
}

TEST(Delimited, AMessageHasAtMostSoManyBytes) {
  const std::string longest(kMessageBytesMax, 'x');
  EXPECT_THAT(ReadMessages(Delimited(longest)).texts, ElementsAre(longest));
  EXPECT_THAT(ReadMessages(Delimited(longest + "x")).error,
              HasSubstr("more than 1048576 bytes"));
  // A size that would wrap.
  EXPECT_THAT(ReadMessages(std::string(10, '\xff') + "\x01").error,
              HasSubstr("more than 1048576 bytes"));
}

TEST(Delimited, WhatEndsTooSoonIsAnError) {
  const Messages within_size = ReadMessages(Delimited("ab") + "\x80");
  EXPECT_THAT(within_size.texts, ElementsAre("ab"));
  EXPECT_EQ(within_size.error, "ends within the size of a message");
  EXPECT_EQ(within_size.last_number, 2);
  EXPECT_EQ(within_size.last_offset, 3);
  EXPECT_EQ(ReadMessages("\x03"
                         "ab")
                .error,
            "ends within a message of 3 bytes");
}

}  // namespace
}  // namespace konpro

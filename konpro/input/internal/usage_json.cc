#include "konpro/input/internal/usage_json.h"

#include <cstddef>
#include <cstdint>
#include <string>

// One pass over the bytes. Whatever is not plain is left to protobuf: fields
// that are there twice, null, escapes, other bytes than printable ASCII,
// numbers with a point, times before 1970 or with an offset.

namespace konpro {
namespace {

using ::google::protobuf::Duration;
using ::google::protobuf::Timestamp;

class Parser {
 public:
  explicit Parser(absl::string_view json)
      : next_(json.data()), end_(json.data() + json.size()) {}

  bool Parse(v1::UsageRecord& record) {
    if (!Take('{')) return false;
    if (!Take('}')) {
      do {
        absl::string_view key;
        if (!Text(key) || !Take(':') || !Field(key, record)) return false;
      } while (Take(','));
      if (!Take('}')) return false;
    }
    SkipBlanks();
    return next_ == end_;
  }

 private:
  // Bits of seen_: each field once.
  enum Seen : uint32_t {
    kRecordId = 1,
    kAccountId = 2,
    kOperation = 4,
    kQuantity = 8,
    kStartTime = 16,
    kEndTime = 32,
    kJobId = 64,
    kLabels = 128,
    kPartial = 256,
    kLate = 512,
  };

  void SkipBlanks() {
    while (next_ != end_ && (*next_ == ' ' || *next_ == '\t' ||
                             *next_ == '\r' || *next_ == '\n')) {
      ++next_;
    }
  }

  bool Take(char c) {
    SkipBlanks();
    if (next_ == end_ || *next_ != c) return false;
    ++next_;
    return true;
  }

  bool TakeWord(absl::string_view word) {
    if (static_cast<size_t>(end_ - next_) < word.size() ||
        absl::string_view(next_, word.size()) != word) {
      return false;
    }
    next_ += word.size();
    return true;
  }

  bool Text(absl::string_view& text) {
    if (!Take('"')) return false;
    const char* const begin = next_;
    while (next_ != end_ && *next_ != '"') {
      if (*next_ < ' ' || *next_ > '~' || *next_ == '\\') return false;
      ++next_;
    }
    if (next_ == end_) return false;
    text = absl::string_view(begin, next_ - begin);
    ++next_;
    return true;
  }

  bool Once(Seen field) {
    const bool first = (seen_ & field) == 0;
    seen_ |= field;
    return first;
  }

  bool TextField(Seen field, std::string* to) {
    absl::string_view text;
    if (!Once(field) || !Text(text)) return false;
    to->assign(text.data(), text.size());
    return true;
  }

  bool Field(absl::string_view key, v1::UsageRecord& record);
  bool Count(v1::UsageRecord& record);
  bool Flag(Seen field, bool& value);
  bool Labels(v1::UsageRecord& record);

  const char* next_;
  const char* const end_;
  uint32_t seen_ = 0;
};

// Takes `digits` digits from `text`.
bool TakeNumber(absl::string_view& text, size_t digits, int64_t& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return false;
    value = 10 * value + (c - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool TakeChar(absl::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// `[ "." digit{1,9} ]`, in nanoseconds.
bool TakeFraction(absl::string_view& text, int64_t& nanos) {
  nanos = 0;
  if (!TakeChar(text, '.')) return true;
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    ++digits;
  }
  if (digits < 1 || digits > 9 || !TakeNumber(text, digits, nanos)) {
    return false;
  }
  for (; digits < 9; ++digits) nanos *= 10;
  return true;
}

// Digits of which the first is none of several zeros.
bool TakeInteger(absl::string_view& text, int64_t& value) {
  constexpr size_t kDigitsMax = 18;
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    ++digits;
  }
  if (digits < 1 || digits > kDigitsMax) return false;
  if (digits > 1 && text.front() == '0') return false;
  return TakeNumber(text, digits, value);
}

bool ParseDuration(absl::string_view text, Duration& duration) {
  constexpr int64_t kSecondsMax = 315'576'000'000;
  int64_t seconds = 0;
  int64_t nanos = 0;
  if (!TakeInteger(text, seconds) || seconds >= kSecondsMax ||
      !TakeFraction(text, nanos) || text != "s") {
    return false;
  }
  duration.set_seconds(seconds);
  duration.set_nanos(static_cast<int32_t>(nanos));
  return true;
}

bool IsLeapYear(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Days from 1970-01-01, in the proleptic Gregorian calendar; years that begin
// in March put the leap day last.
int64_t DaysSince1970(int64_t year, int64_t month, int64_t day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t day_of_year =
      (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719'468;
}

bool ParseTimestamp(absl::string_view text, Timestamp& time) {
  constexpr int64_t kMonthDays[] = {31, 28, 31, 30, 31, 30,
                                    31, 31, 30, 31, 30, 31};
  int64_t year, month, day, hour, minute, second, nanos;
  if (!TakeNumber(text, 4, year) || !TakeChar(text, '-') ||
      !TakeNumber(text, 2, month) || !TakeChar(text, '-') ||
      !TakeNumber(text, 2, day) || !TakeChar(text, 'T') ||
      !TakeNumber(text, 2, hour) || !TakeChar(text, ':') ||
      !TakeNumber(text, 2, minute) || !TakeChar(text, ':') ||
      !TakeNumber(text, 2, second) || !TakeFraction(text, nanos) ||
      text != "Z") {
    return false;
  }
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 ||
      minute > 59 || second > 59) {
    return false;
  }
  const bool has_leap_day = month == 2 && IsLeapYear(year);
  if (day > kMonthDays[month - 1] + (has_leap_day ? 1 : 0)) return false;
  time.set_seconds(DaysSince1970(year, month, day) * 86'400 + hour * 3'600 +
                   minute * 60 + second);
  time.set_nanos(static_cast<int32_t>(nanos));
  return true;
}

bool Parser::Field(absl::string_view key, v1::UsageRecord& record) {
  absl::string_view text;
  if (key == "record_id" || key == "recordId") {
    return TextField(kRecordId, record.mutable_record_id());
  }
  if (key == "account_id" || key == "accountId") {
    return TextField(kAccountId, record.mutable_account_id());
  }
  if (key == "operation") {
    return TextField(kOperation, record.mutable_operation());
  }
  if (key == "duration") {
    return Once(kQuantity) && Text(text) &&
           ParseDuration(text, *record.mutable_duration());
  }
  if (key == "count") return Count(record);
  if (key == "start_time" || key == "startTime") {
    return Once(kStartTime) && Text(text) &&
           ParseTimestamp(text, *record.mutable_start_time());
  }
  if (key == "end_time" || key == "endTime") {
    return Once(kEndTime) && Text(text) &&
           ParseTimestamp(text, *record.mutable_end_time());
  }
  if (key == "job_id" || key == "jobId") {
    return TextField(kJobId, record.mutable_job_id());
  }
  if (key == "labels") return Labels(record);
  bool value = false;
  if (key == "partial" && Flag(kPartial, value)) {
    record.set_partial(value);
    return true;
  }
  if (key == "late" && Flag(kLate, value)) {
    record.set_late(value);
    return true;
  }
  return false;
}

bool Parser::Count(v1::UsageRecord& record) {
  if (!Once(kQuantity)) return false;
  SkipBlanks();
  absl::string_view text;
  int64_t count = 0;
  if (next_ != end_ && *next_ == '"') {
    if (!Text(text) || !TakeInteger(text, count) || !text.empty()) return false;
  } else {
    text = absl::string_view(next_, end_ - next_);
    if (!TakeInteger(text, count)) return false;
    next_ = text.data();
  }
  record.set_count(count);
  return true;
}

bool Parser::Flag(Seen field, bool& value) {
  if (!Once(field)) return false;
  SkipBlanks();
  value = TakeWord("true");
  return value || TakeWord("false");
}

bool Parser::Labels(v1::UsageRecord& record) {
  if (!Once(kLabels) || !Take('{')) return false;
  if (Take('}')) return true;
  do {
    absl::string_view key;
    absl::string_view value;
    if (!Text(key) || !Take(':') || !Text(value)) return false;
    const auto added =
        record.mutable_labels()->insert({std::string(key), std::string(value)});
    if (!added.second) return false;
  } while (Take(','));
  return Take('}');
}

}  // namespace

bool ParsePlainUsageJson(absl::string_view json, v1::UsageRecord& record) {
  record.Clear();
  return Parser(json).Parse(record);
}

}  // namespace konpro

// Schedule::Stream of schedule.h, which includes this; nobody else does.
#ifndef KONPRO_LIMITS_INTERNAL_SCHEDULE_STREAM_H_
#define KONPRO_LIMITS_INTERNAL_SCHEDULE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "konpro/limits/schedule.h"

namespace konpro {

class Schedule::Stream {
 public:
  class Iterator {
   public:
    using value_type = Submission;
    using difference_type = std::ptrdiff_t;

    explicit Iterator(const Schedule& schedule)
        : submitter_(schedule.windows_, schedule.state_, schedule.start_),
          left_(schedule.requests_) {
      if (left_ > 0) current_ = submitter_.Next(1);
    }

    const Submission& operator*() const { return current_; }
    const Submission* operator->() const { return &current_; }
    Iterator& operator++() {
      if (--left_ > 0) current_ = submitter_.Next(1);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) {
      return it.left_ == 0;
    }

   private:
    Submitter submitter_;
    uint64_t left_;
    Submission current_;
  };

  explicit Stream(const Schedule& schedule) : schedule_(schedule) {}

  Iterator begin() const { return Iterator(schedule_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  const Schedule& schedule_;
};

inline Schedule::Stream Schedule::Submissions() const { return Stream(*this); }

}  // namespace konpro

#endif  // KONPRO_LIMITS_INTERNAL_SCHEDULE_STREAM_H_

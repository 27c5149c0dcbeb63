// The errors of one input, printed with their place as a compiler prints its
// own.
//
//   InputErrors errors("jobs.csv", err);
//   errors.Add(3, 7, "no quantity");     // jobs.csv:3:7: no quantity
//   errors.AddForFile("is empty");       // jobs.csv: is empty
//   errors.Finish();                     // nothing more: both were shown
//   errors.count()                       // 2
//
// Thread safety: thread-compatible.
#ifndef KONPRO_INPUT_INPUT_ERRORS_H_
#define KONPRO_INPUT_INPUT_ERRORS_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace konpro {

// Prints the first `shown_max` errors and counts the rest.
class InputErrors {
 public:
  static constexpr int64_t kShownMax = 20;

  // `err` must outlive it.
  InputErrors(std::string file, std::ostream& err,
              int64_t shown_max = kShownMax)
      : file_(std::move(file)), err_(err), shown_max_(shown_max) {}

  // Lines and columns count from 1; columns are bytes.
  void Add(int64_t line, int64_t column, absl::string_view what);

  // An error of the whole file, such as that it cannot be read.
  void AddForFile(absl::string_view what);

  // Print a note, which is not an error and not counted.
  void Note(int64_t line, int64_t column, absl::string_view what);
  void NoteForFile(absl::string_view what);

  // Prints how many errors were not shown, if any.
  void Finish();

  int64_t count() const { return count_; }
  bool none() const { return count_ == 0; }

 private:
  bool CountAndShow() { return ++count_ <= shown_max_; }

  // Constant after construction.
  std::string file_;
  std::ostream& err_;
  const int64_t shown_max_;

  int64_t count_ = 0;
};

}  // namespace konpro

#endif  // KONPRO_INPUT_INPUT_ERRORS_H_

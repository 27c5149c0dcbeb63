#include "konpro/input/input_file.h"

namespace konpro {

void InputErrors::Add(int64_t line, int64_t column, absl::string_view what) {
  if (CountAndShow()) Note(line, column, what);
}

void InputErrors::AddForFile(absl::string_view what) {
  if (CountAndShow()) NoteForFile(what);
}

void InputErrors::Note(int64_t line, int64_t column, absl::string_view what) {
  err_ << file_ << ":" << line << ":" << column << ": " << what << "\n";
}

void InputErrors::NoteForFile(absl::string_view what) {
  err_ << file_ << ": " << what << "\n";
}

void InputErrors::Finish() {
  if (count_ <= shown_max_) return;
  err_ << file_ << ": and " << count_ - shown_max_ << " more errors\n";
}

}  // namespace konpro

// A ReplacedFile replaces a file as a whole: what is written goes to a
// temporary file, which takes the file's name when it is complete and on the
// disk. So the file is the old one or the new one at every instant, also if the
// process ends.
//
//   ReplacedFile file("credits.db.limits", "credits.db.limits.new", 0600);
//   file.Write("...");               // or to file.fd()
//   absl::Status status = file.Commit();
//
// Thread safety: thread-compatible. Two writers at a time need two temporary
// names, in the folder of the file.
#ifndef KONPRO_BASE_INTERNAL_REPLACED_FILE_H_
#define KONPRO_BASE_INTERNAL_REPLACED_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace konpro::internal {

class ReplacedFile {
 public:
  // Makes the temporary file in place of an old one; follows no link. `mode` is
  // as of open().
  ReplacedFile(std::string path, std::string temporary_path, mode_t mode);
  // Removes the temporary file, unless Commit() returned OK.
  ~ReplacedFile();
  ReplacedFile(const ReplacedFile&) = delete;
  ReplacedFile& operator=(const ReplacedFile&) = delete;

  // Of the temporary file; -1 if it could not be made.
  int fd() const { return fd_; }

  // Writes all bytes, and returns whether it did.
  bool Write(absl::string_view bytes);

  // Replaces the file. kUnavailable: this, or something before it, failed, and
  // the file is unchanged.
  absl::Status Commit();

 private:
  bool Failed();  // notes errno, and is false

  const std::string path_;
  const std::string temporary_path_;
  int fd_;
  int errno_ = 0;
  bool is_committed_ = false;
};

}  // namespace konpro::internal

#endif  // KONPRO_BASE_INTERNAL_REPLACED_FILE_H_

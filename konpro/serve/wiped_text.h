// A text that leaves no copy of itself in memory: the memory that it outgrows
// is wiped, and so is what it has at its end. For texts that may be, or have,
// an API key. WipedStream is an ostream that writes one.
//
//   WipedText body;
//   body.Append("{\"input\": ");
//   body.Append("\"...\"}");
//   body.text()                                // {"input": "..."}
//   WipedStream out;
//   out << "kp_" << 1 << "\n";
//   out.text()                                 // kp_1 and a newline
//
// Thread safety: thread-compatible.
#ifndef KONPRO_SERVE_WIPED_TEXT_H_
#define KONPRO_SERVE_WIPED_TEXT_H_

#include <ostream>
#include <streambuf>
#include <string>

#include "absl/strings/string_view.h"

namespace konpro {

// Overwrites memory that is not read again.
void Wipe(absl::string_view text);

class WipedText {
 public:
  WipedText() = default;
  ~WipedText();
  WipedText(const WipedText&) = delete;
  WipedText& operator=(const WipedText&) = delete;

  void Append(absl::string_view bytes);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class WipedStream : public std::ostream {
 public:
  WipedStream() : std::ostream(nullptr) { rdbuf(&buffer_); }

  absl::string_view text() const { return buffer_.text.text(); }

 private:
  struct Buffer : std::streambuf {
    int_type overflow(int_type c) override;
    std::streamsize xsputn(const char* bytes, std::streamsize size) override;

    WipedText text;
  };

  Buffer buffer_;
};

}  // namespace konpro

#endif  // KONPRO_SERVE_WIPED_TEXT_H_

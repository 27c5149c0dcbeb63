#include "konpro/serve/wiped_text.h"

#include <string.h>

#include <utility>

namespace konpro {

void Wipe(absl::string_view text) {
  explicit_bzero(const_cast<char*>(text.data()), text.size());
}

WipedText::~WipedText() { Wipe(text_); }

void WipedText::Append(absl::string_view bytes) {
  if (bytes.size() > text_.capacity() - text_.size()) {
    std::string grown;
    grown.reserve(2 * (text_.size() + bytes.size()));
    grown.append(text_);
    Wipe(text_);
    text_ = std::move(grown);
  }
  text_.append(bytes.data(), bytes.size());
}

WipedStream::Buffer::int_type WipedStream::Buffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return 0;
  const char byte = traits_type::to_char_type(c);
  text.Append({&byte, 1});
  return c;
}

std::streamsize WipedStream::Buffer::xsputn(const char* bytes,
                                            std::streamsize size) {
  text.Append({bytes, static_cast<size_t>(size)});
  return size;
}

}  // namespace konpro

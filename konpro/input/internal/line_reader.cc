#include "konpro/input/internal/line_reader.h"

namespace konpro {

bool LineReader::Next(absl::string_view& line) {
  carried_.clear();
  ++line_number_;
  while (true) {
    if (rest_.empty()) rest_ = input_.Read();
    const size_t end = rest_.find('\n');
    const size_t taken = end == rest_.npos ? rest_.size() : end + 1;
    if (carried_.size() + taken > kLineBytesMax) {
      too_long_ = true;
      return false;
    }
    const absl::string_view part = rest_.substr(0, taken);
    rest_.remove_prefix(taken);
    if (end != rest_.npos && carried_.empty()) {
      line = part;
      return true;
    }
    carried_.append(part.data(), part.size());
    if (end != rest_.npos || part.empty()) {
      line = carried_;
      return !carried_.empty();
    }
  }
}

}  // namespace konpro

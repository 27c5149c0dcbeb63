#include "konpro/base/internal/text_places.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/io/tokenizer.h"

namespace konpro::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::TextFormat;

struct Position {
  int line = 0;
  int column = 0;

  std::string Of(absl::string_view file) const {
    return absl::StrCat(file, ":", line + 1, ":", column + 1, ": ");
  }
};

Position PositionOf(absl::string_view path, const Descriptor* message,
                    const TextFormat::ParseInfoTree* tree) {
  Position found;
  for (absl::string_view step : absl::StrSplit(path, '.')) {
    int index = -1;
    const size_t bracket = step.find('[');
    if (bracket != step.npos) {
      if (!absl::SimpleAtoi(step.substr(bracket + 1, step.size() - bracket - 2),
                            &index)) {
        return found;
      }
      step = step.substr(0, bracket);
    }
    if (message == nullptr || tree == nullptr) return found;
    const FieldDescriptor* field = message->FindFieldByName(std::string(step));
    if (field == nullptr) return found;
    const int place = field->is_repeated() ? std::max(index, 0) : -1;
    const TextFormat::ParseLocation location = tree->GetLocation(field, place);
    if (location.line < 0) return found;
    found = {location.line, location.column};
    message = field->message_type();
    tree = message == nullptr ? nullptr : tree->GetTreeForNested(field, place);
  }
  return found;
}

// Keeps the first of the parser's errors.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text_.empty()) return;
    position_ = {std::max(line, 0), std::max(column, 0)};
    text_ = message;
  }

  std::string In(absl::string_view file) const {
    return absl::StrCat(position_.Of(file), text_);
  }

 private:
  Position position_;
  std::string text_;
};

}  // namespace

absl::Status TextPlaces::Parse(absl::string_view text,
                               google::protobuf::Message& message) {
  descriptor_ = message.GetDescriptor();
  FirstError error;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree_);
  if (parser.ParseFromString(std::string(text), &message)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(error.In(file_));
}

absl::Status TextPlaces::Locate(const absl::Status& error) const {
  const absl::string_view what = error.message();
  const Position position =
      PositionOf(what.substr(0, what.find(':')), descriptor_, &tree_);
  return absl::InvalidArgumentError(absl::StrCat(position.Of(file_), what));
}

}  // namespace konpro::internal

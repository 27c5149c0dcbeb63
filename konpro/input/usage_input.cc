#include "konpro/input/usage_input.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "konpro/input/internal/delimited.h"
#include "konpro/input/internal/line_reader.h"
#include "konpro/input/internal/strict_message.h"
#include "konpro/input/internal/usage_json.h"
#include "konpro/input/json_message.h"
#include "konpro/ledger/usage.h"

namespace konpro {
namespace {

using AddRecord =
    absl::FunctionRef<absl::Status(v1::UsageRecord&, const UsageRecordPlace&)>;

bool IsBlank(absl::string_view text) {
  return text.find_first_not_of(" \t\r\n") == text.npos;
}

std::string WithPlace(const UsageRecordPlace& place, absl::string_view what) {
  return absl::StrCat("record ", place.number, " at byte ", place.offset, ": ",
                      what);
}

void ReadJsonLines(InputFile& input, InputErrors& errors, AddRecord add) {
  LineReader lines(input);
  v1::UsageRecord record;
  absl::string_view line;
  bool any = false;
  while (lines.Next(line)) {
    if (IsBlank(line)) continue;
    if (!ParsePlainUsageJson(line, record)) {
      if (const auto error = ReadJsonLine(line, record)) {
        errors.Add(lines.line_number(), error->column,
                   absl::StrCat("no usage record: ", error->what));
        // The lines of an array, or of an object on many lines, are all wrong.
        if (error->is_of_extent && !any) return;
        continue;
      }
    }
    any = true;
    const UsageRecordPlace place{.line = lines.line_number()};
    const absl::Status added = add(record, place);
    if (!added.ok()) AddRecordError(errors, place, added.message());
  }
  if (lines.too_long()) {
    errors.Add(lines.line_number(), 1,
               absl::StrCat("a line of more than ", LineReader::kLineBytesMax,
                            " bytes"));
  }
}

void ReadDelimited(InputFile& input, InputErrors& errors, AddRecord add) {
  DelimitedReader messages(input);
  const StrictMessage strict(*v1::UsageRecord::descriptor());
  v1::UsageRecord record;
  absl::string_view bytes;
  const auto place = [&] {
    return UsageRecordPlace{.number = messages.number(),
                            .offset = messages.offset()};
  };
  while (messages.Next(bytes)) {
    absl::Status read = strict.Check(bytes);
    if (read.ok() &&
        !record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      read =
          absl::InvalidArgumentError("its bytes are no konpro.v1.UsageRecord");
    }
    if (!read.ok()) {
      AddRecordError(errors, place(),
                     absl::StrCat("no usage record: ", read.message()));
      continue;
    }
    const absl::Status added = add(record, place());
    if (!added.ok()) AddRecordError(errors, place(), added.message());
  }
  if (!messages.error().empty()) {
    AddRecordError(errors, place(), messages.error());
  }
}

}  // namespace

void AddRecordError(InputErrors& errors, const UsageRecordPlace& place,
                    absl::string_view what) {
  if (place.line > 0) return errors.Add(place.line, 1, what);
  errors.AddForFile(WithPlace(place, what));
}

void AddRecordNote(InputErrors& errors, const UsageRecordPlace& place,
                   absl::string_view what) {
  if (place.line > 0) return errors.Note(place.line, 1, what);
  errors.NoteForFile(WithPlace(place, what));
}

// The size of the first message is followed by the tag of its first field,
// record_id, and farther on by that of account_id, a control character, of
// which JSON has none but blanks. Blanks alone are not enough: a message may
// have 32 bytes, and so begin like a blank line.
bool LooksDelimited(absl::string_view begin) {
  constexpr char kRecordIdTag = 0x0A;
  constexpr char kAccountIdTag = 0x12;
  size_t size_bytes = 0;
  while (size_bytes < begin.size() && (begin[size_bytes] & 0x80) != 0) {
    ++size_bytes;
  }
  constexpr size_t kUpToAccountId = kUsageIdBytesMax + 8;
  const absl::string_view message =
      begin.substr(std::min(size_bytes + 1, begin.size()), kUpToAccountId);
  return !message.empty() && message.front() == kRecordIdTag &&
         message.find(kAccountIdTag) != message.npos;
}

void ReadUsageRecords(InputFile& input, UsageRecordForm form,
                      InputErrors& errors, AddRecord add) {
  const bool delimited =
      form == UsageRecordForm::kDelimited ||
      (form == UsageRecordForm::kAuto && LooksDelimited(input.Peek()));
  delimited ? ReadDelimited(input, errors, add)
            : ReadJsonLines(input, errors, add);
  if (!input.error().empty()) errors.AddForFile(input.error());
}

void ReadUsageRecords(
    InputFile& input, UsageRecordForm form, InputErrors& errors,
    absl::FunctionRef<absl::Status(const v1::UsageRecord&)> add) {
  const auto without_place = [&](v1::UsageRecord& record,
                                 const UsageRecordPlace&) {
    return add(record);
  };
  ReadUsageRecords(input, form, errors, AddRecord(without_place));
}

}  // namespace konpro

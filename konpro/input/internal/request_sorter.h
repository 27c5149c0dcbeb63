// Requests of a trace in order of time, however they come: in memory up to a
// limit, beyond it through sorted runs in a temporary file that has no name
// (external merge sort: Knuth, The Art of Computer Programming, volume 3,
// section 5.4). Of equal times, the first added is first.
//
//   RequestSorter sorter;
//   sorter.Add(request, {.line = 2, .column = 1});      // each of them
//   sorter.ForEach([&](const TraceRequest& request, const RowPlace& place) {
//     ...
//   });
//
// Thread safety: thread-compatible.
//
// Limits: kRunsMax runs, 64 GiB of requests with the default memory.
#ifndef KONPRO_INPUT_INTERNAL_REQUEST_SORTER_H_
#define KONPRO_INPUT_INTERNAL_REQUEST_SORTER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "konpro/base/unix_nanos.h"
#include "konpro/estimate/replay.h"

namespace konpro {

// Where a request stands in its input, from 1.
struct RowPlace {
  int64_t line = 0;
  int64_t column = 0;
};

class RequestSorter {
 public:
  static constexpr size_t kMemoryBytesMax = size_t{64} << 20;
  static constexpr size_t kRunsMax = 1024;

  explicit RequestSorter(size_t memory_bytes_max = kMemoryBytesMax)
      : memory_bytes_max_(memory_bytes_max) {}
  ~RequestSorter();
  RequestSorter(const RequestSorter&) = delete;
  RequestSorter& operator=(const RequestSorter&) = delete;

  // kUnavailable: the temporary file cannot be written; the message names its
  // folder. kResourceExhausted: more than kRunsMax runs.
  absl::Status Add(const TraceRequest& request, const RowPlace& place);

  // Calls `request` for all of them in order. Once, after the last Add().
  // kUnavailable: the temporary file cannot be read or written.
  absl::Status ForEach(
      absl::FunctionRef<void(const TraceRequest&, const RowPlace&)> request);

  // Runs in the temporary file.
  size_t runs() const { return run_ends_.size(); }

 private:
  // A request in memory; its bytes are in bytes_.
  struct Entry {
    UnixNanos at;
    uint64_t number = 0;
    size_t offset = 0;
    size_t size = 0;
  };
  class Run;

  void Sort();
  // Sorts what is in memory and appends it to the file.
  absl::Status Spill();
  absl::Status Write(const std::string& block);

  const size_t memory_bytes_max_;
  std::string bytes_;
  std::vector<Entry> entries_;
  uint64_t number_ = 0;
  int file_ = -1;
  // Where each run of the file ends.
  std::vector<int64_t> run_ends_;
};

}  // namespace konpro

#endif  // KONPRO_INPUT_INTERNAL_REQUEST_SORTER_H_

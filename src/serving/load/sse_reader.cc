// SPDX-License-Identifier: Apache-2.0
#include "serving/load/sse_reader.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace marlin::load {

void SseReader::push(std::string_view bytes, std::vector<ServerSentEvent>& events) {
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    append_to_line(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    take_line(events);
  }
}

void SseReader::append_to_line(std::string_view bytes) {
  if (line_.size() + bytes.size() + event_.data.size() > max_event_bytes_) {
    fail(ErrorCode::kBadFile, "an event of the stream is longer than {} bytes", max_event_bytes_);
  }
  line_ += bytes;
}

void SseReader::take_line(std::vector<ServerSentEvent>& events) {
  std::string_view line = line_;
  if (std::exchange(is_first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (!line.empty()) {
    take_field(line);
  } else {
    if (has_data_) events.push_back(std::move(event_));
    event_ = {};
    has_data_ = false;
  }
  line_.clear();
}

void SseReader::take_field(std::string_view line) {
  const std::string_view field = line.substr(0, line.find(':'));  // empty: a comment
  std::string_view value = line.substr(std::min(field.size() + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (std::exchange(has_data_, true)) event_.data += '\n';
    event_.data += value;
  } else if (field == "event") {
    event_.name = value;
  }
}

}  // namespace marlin::load

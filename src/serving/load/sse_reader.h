// SPDX-License-Identifier: Apache-2.0
// Server-sent events out of bytes that arrive in pieces of any size, as the HTML standard reads them: lines end with
// LF, CR or CRLF, comments and unknown fields are passed over. The load client reads every stream through one.
// Surprise: an event that no empty line ends is not an event, however the stream ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace marlin::load {

struct ServerSentEvent {
  std::string name;  ///< often empty, which means "message"
  std::string data;  ///< its lines, with LF between them
};

class SseReader {
 public:
  /// `max_event_bytes`: of an event, and of any line.
  explicit SseReader(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

  /// Takes the next bytes and appends the events that they complete. Errors: kBadFile for an event or a line that is
  /// too long; the reader cannot be used after it.
  void push(std::string_view bytes, std::vector<ServerSentEvent>& events);

 private:
  void append_to_line(std::string_view bytes);
  void take_line(std::vector<ServerSentEvent>& events);
  void take_field(std::string_view line);

  std::size_t max_event_bytes_;
  std::string line_;  // so far
  ServerSentEvent event_;
  bool has_data_ = false;
  bool is_first_line_ = true;
  bool after_cr_ = false;  // a LF now belongs to the line end before
};

}  // namespace marlin::load

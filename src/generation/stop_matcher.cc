// SPDX-License-Identifier: Apache-2.0
// See stop_matcher.h. The state is the longest end of the text that begins some stop string, so exactly its bytes are
// held.
#include "generation/stop_matcher.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {

StopMatcher::StopMatcher(std::span<const std::string> stops) : nodes_(1) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 24U;
  std::size_t total = 0;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < stops.size(); ++i) {
    if (stops[i].empty()) {
      fail(ErrorCode::kInvalidArgument, "--stop must be text that is not empty, got ''");
    }
    total += stops[i].size();
    if (total > kMaxBytes) {
      fail(ErrorCode::kInvalidArgument, "--stop: the stop strings together may have at most {} bytes", kMaxBytes);
    }
    insert(stops[i], static_cast<std::int32_t>(i));
    stop_bytes_.push_back(stops[i].size());
    longest = std::max(longest, stops[i].size());
  }
  held_.reserve(longest);
  link_failures();
}

void StopMatcher::push(std::string_view piece, std::string& out) {
  if (matched()) {
    return;
  }
  out += held_;
  held_.clear();
  const std::size_t n_before = out.size();
  out += piece;
  for (std::size_t i = 0; i < piece.size(); ++i) {
    state_ = step(state_, static_cast<unsigned char>(piece[i]));
    if (const std::int32_t match = nodes_[static_cast<std::size_t>(state_)].match; match != kNone) {
      match_ = static_cast<std::size_t>(match);
      out.resize(n_before + i + 1 - stop_bytes_[*match_]);
      return;
    }
  }
  const std::size_t n_certain = out.size() - nodes_[static_cast<std::size_t>(state_)].depth;
  held_.assign(out, n_certain);
  out.resize(n_certain);
}

void StopMatcher::flush(std::string& out) {
  state_ = 0;
  out += held_;
  held_.clear();
}

void StopMatcher::insert(std::string_view stop, std::int32_t index) {
  std::int32_t node = 0;
  for (const char c : stop) {
    const auto byte = static_cast<unsigned char>(c);
    std::int32_t next = child(node, byte);
    if (next == kNone) {
      next = static_cast<std::int32_t>(nodes_.size());
      Node& parent = nodes_[static_cast<std::size_t>(node)];
      const Node added{.next_sibling = parent.first_child, .depth = parent.depth + 1, .byte = byte};
      parent.first_child = next;
      nodes_.push_back(added);
    }
    node = next;
  }
  Node& last = nodes_[static_cast<std::size_t>(node)];
  if (last.match == kNone) {
    last.match = index;
  }
}

// Breadth first, so that a node's failure, which is shorter, is complete before the node itself.
void StopMatcher::link_failures() {
  std::vector<std::int32_t> queue{0};
  queue.reserve(nodes_.size());
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const std::int32_t node = queue[head];
    for (std::int32_t c = nodes_[static_cast<std::size_t>(node)].first_child; c != kNone;
         c = nodes_[static_cast<std::size_t>(c)].next_sibling) {
      Node& added = nodes_[static_cast<std::size_t>(c)];
      added.failure = node == 0 ? 0 : step(nodes_[static_cast<std::size_t>(node)].failure, added.byte);
      if (added.match == kNone) {
        added.match = nodes_[static_cast<std::size_t>(added.failure)].match;
      }
      queue.push_back(c);
    }
  }
}

std::int32_t StopMatcher::child(std::int32_t node, unsigned char byte) const {
  std::int32_t c = nodes_[static_cast<std::size_t>(node)].first_child;
  while (c != kNone && nodes_[static_cast<std::size_t>(c)].byte != byte) {
    c = nodes_[static_cast<std::size_t>(c)].next_sibling;
  }
  return c;
}

// Falls back to ever shorter suffixes; each fall undoes an earlier advance, so a text costs linear time.
std::int32_t StopMatcher::step(std::int32_t node, unsigned char byte) const {
  for (;;) {
    if (const std::int32_t next = child(node, byte); next != kNone) {
      return next;
    }
    if (node == 0) {
      return 0;
    }
    node = nodes_[static_cast<std::size_t>(node)].failure;
  }
}

}  // namespace marlin

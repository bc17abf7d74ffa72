// SPDX-License-Identifier: Apache-2.0
// Makes the values of one rendering and stops it at its Limits: steps, live bytes, size of one value, depth. One per
// rendering; must outlive every value it made, because each gives its bytes back when it dies.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/failure.h"
#include "text/jinja/template.h"
#include "text/jinja/value.h"

namespace marlin::jinja {

class Heap {
 public:
  explicit Heap(const Limits& limits) : limits_(limits) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  /// Breaks the cycles that namespaces can form.
  ~Heap();

  /// Counts work; raises beyond max_steps.
  void step(std::size_t count = 1);
  /// Counts copying or searching `bytes` bytes of text.
  void scan(std::size_t bytes);
  /// Counts work on each character of `bytes` bytes of text, which is some ten times dearer.
  void walk(std::size_t bytes);
  /// Raises if one value of `bytes` would be too large. To be called before building it.
  void check_size(std::size_t bytes) const;
  /// Raises if a value `depth` levels deep would be too deep.
  void check_depth(std::size_t depth) const;

  Value string(MarkedText text);
  Value string(std::string bytes, bool from_input = false);
  Value sequence(std::vector<Value> items, SequenceKind kind = SequenceKind::kList);
  Value dict(std::vector<Dict::Entry> entries);
  Value make_namespace();
  /// A method `name` of `self`, to be called later.
  Value method(std::string name, const Value& self, Value (*call)(Heap&, const Value& self, const Arguments&));

  [[nodiscard]] const Limits& limits() const { return limits_; }

  /// Counts one level of evaluation while alive; raises beyond max_evaluation_depth.
  class Level {
   public:
    explicit Level(Heap& heap);
    ~Level() { --heap_.level_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Heap& heap_;
  };

 private:
  template <typename T>
  std::shared_ptr<const T> adopt(std::unique_ptr<const T> object, std::size_t bytes);

  const Limits limits_;
  std::size_t steps_ = 0;
  std::size_t live_bytes_ = 0;
  std::size_t level_ = 0;
  std::vector<NamespaceRef> namespaces_;
};

}  // namespace marlin::jinja

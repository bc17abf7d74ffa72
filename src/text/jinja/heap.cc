// SPDX-License-Identifier: Apache-2.0
// Counting: a value costs its contents and a fixed overhead, from its making to the death of its last reference.
#include "text/jinja/heap.h"

#include <algorithm>
#include <utility>

namespace marlin::jinja {
namespace {

constexpr std::size_t kValueOverheadBytes = 128;
constexpr std::size_t kCopiedBytesPerStep = 256;
constexpr std::size_t kWalkedBytesPerStep = 16;

}  // namespace

Heap::~Heap() {
  for (const NamespaceRef& space : namespaces_) space->attributes.clear();
}

void Heap::step(std::size_t count) {
  steps_ += count;
  if (steps_ > limits_.max_steps) raise("the template does too much work (limit {} steps)", limits_.max_steps);
}

void Heap::scan(std::size_t bytes) { step(bytes / kCopiedBytesPerStep); }

void Heap::walk(std::size_t bytes) { step(bytes / kWalkedBytesPerStep); }

void Heap::check_size(std::size_t bytes) const {
  if (bytes > limits_.max_value_bytes) raise("a value is too large (limit {} bytes)", limits_.max_value_bytes);
}

void Heap::check_depth(std::size_t depth) const {
  if (depth > limits_.max_value_depth) raise("values are nested too deeply (limit {} levels)", limits_.max_value_depth);
}

template <typename T>
std::shared_ptr<const T> Heap::adopt(std::unique_ptr<const T> object, std::size_t bytes) {
  check_size(bytes);
  scan(bytes);
  const std::size_t cost = bytes + kValueOverheadBytes;
  if (live_bytes_ + cost > limits_.max_live_bytes) {
    raise("the template holds too much memory (limit {} bytes)", limits_.max_live_bytes);
  }
  live_bytes_ += cost;
  return std::shared_ptr<const T>(object.release(), [this, cost](const T* dead) {
    live_bytes_ -= cost;
    delete dead;
  });
}

Value Heap::string(MarkedText text) {
  const std::size_t bytes = text.footprint();
  return Value(Value::Storage(adopt(std::make_unique<const MarkedText>(std::move(text)), bytes)));
}

Value Heap::string(std::string bytes, bool from_input) { return string(MarkedText(std::move(bytes), from_input)); }

Value Heap::sequence(std::vector<Value> items, SequenceKind kind) {
  std::size_t depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  check_depth(depth + 1);
  const std::size_t bytes = items.size() * sizeof(Value);
  auto made = std::make_unique<const Sequence>(Sequence{kind, std::move(items), depth + 1});
  return Value(Value::Storage(adopt(std::move(made), bytes)));
}

Value Heap::dict(std::vector<Dict::Entry> entries) {
  const std::size_t bytes = entries.size() * (sizeof(Dict::Entry) + sizeof(std::uint32_t));
  check_size(bytes);
  const auto unnamed = static_cast<std::size_t>(
      std::count_if(entries.begin(), entries.end(), [](const auto& entry) { return !entry.first.is_string(); }));
  step(unnamed * unnamed / 8);  // keys other than strings are compared one with another
  auto made = std::make_unique<const Dict>(std::move(entries));
  check_depth(made->depth());
  return Value(Value::Storage(adopt(std::move(made), bytes)));
}

Value Heap::make_namespace() {
  step(kValueOverheadBytes);  // kept until the end: dear, so that a loop cannot pile them up
  namespaces_.push_back(std::make_shared<Namespace>());
  return Value(Value::Storage(namespaces_.back()));
}

Value Heap::method(std::string name, const Value& self, Value (*call)(Heap&, const Value&, const Arguments&)) {
  check_depth(self.depth() + 1);
  auto bound = [self, call](Heap& heap, const Arguments& arguments) { return call(heap, self, arguments); };
  Callable callable{std::move(name), "builtin_function_or_method", std::move(bound), self.depth() + 1};
  return Value(Value::Storage(adopt(std::make_unique<const Callable>(std::move(callable)), sizeof(Callable))));
}

Heap::Level::Level(Heap& heap) : heap_(heap) {
  if (heap.level_ >= heap.limits_.max_evaluation_depth) {
    raise("the template recurses too deeply (limit {} levels)", heap.limits_.max_evaluation_depth);
  }
  ++heap.level_;
}

}  // namespace marlin::jinja

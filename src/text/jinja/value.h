// SPDX-License-Identifier: Apache-2.0
// The values of the template language, with Python's types behind them. Values are immutable and shared; only
// namespaces and loop objects change. Heap makes all of them except constants of the template, so that memory is
// counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/marked_text.h"

namespace marlin::jinja {

class Dict;
class Heap;
class Value;
struct Callable;
struct Loop;
struct Namespace;
struct Sequence;

using StringRef = std::shared_ptr<const MarkedText>;
using SequenceRef = std::shared_ptr<const Sequence>;
using DictRef = std::shared_ptr<const Dict>;
using NamespaceRef = std::shared_ptr<Namespace>;
using CallableRef = std::shared_ptr<const Callable>;
using LoopRef = std::shared_ptr<Loop>;

/// What a missing name or attribute gives: prints as nothing; most other uses fail with `message`.
struct Undefined {
  std::shared_ptr<const std::string> message;
};

/// One value of any type. Copying is cheap. Default-constructed: None.
class Value {
 public:
  using Storage = std::variant<std::monostate, Undefined, bool, std::int64_t, double, StringRef, SequenceRef, DictRef,
                               NamespaceRef, CallableRef, LoopRef>;

  Value() = default;
  explicit Value(Storage storage) : storage_(std::move(storage)) {}
  static Value boolean(bool value) { return Value(Storage(value)); }
  static Value integer(std::int64_t value) { return Value(Storage(value)); }
  static Value integer(std::size_t value) { return integer(static_cast<std::int64_t>(value)); }
  static Value real(double value) { return Value(Storage(value)); }
  static Value undefined(std::string message);
  /// A string outside any Heap: for constants of the template only.
  static Value constant(std::string bytes);

  [[nodiscard]] bool is_none() const { return holds<std::monostate>(); }
  [[nodiscard]] bool is_undefined() const { return holds<Undefined>(); }
  [[nodiscard]] bool is_bool() const { return holds<bool>(); }
  /// int, but not bool.
  [[nodiscard]] bool is_integer() const { return holds<std::int64_t>(); }
  [[nodiscard]] bool is_real() const { return holds<double>(); }
  /// int, float or bool: what takes part in arithmetic.
  [[nodiscard]] bool is_number() const { return is_bool() || is_integer() || is_real(); }
  [[nodiscard]] bool is_string() const { return holds<StringRef>(); }
  [[nodiscard]] bool is_sequence() const { return holds<SequenceRef>(); }
  [[nodiscard]] bool is_dict() const { return holds<DictRef>(); }

  /// The contents; nullptr when of another type.
  template <typename T>
  [[nodiscard]] const T* get() const {
    return std::get_if<T>(&storage_);
  }
  /// The contents of a value known to be a string.
  [[nodiscard]] const MarkedText& text() const { return *std::get<StringRef>(storage_); }
  [[nodiscard]] const std::string& bytes() const { return text().bytes(); }
  /// The contents of a value known to be a sequence or a dict.
  [[nodiscard]] const Sequence& sequence() const { return *std::get<SequenceRef>(storage_); }
  [[nodiscard]] const Dict& dict() const { return *std::get<DictRef>(storage_); }
  /// bool and int as int64 (bool is an int, as in Python); the value must be one.
  [[nodiscard]] std::int64_t as_integer() const;
  /// Any number as double.
  [[nodiscard]] double as_real() const;

  /// Python's truth: empty things, zero, None and undefined are false; a generator is always true.
  [[nodiscard]] bool truthy() const;
  /// How deep containers nest in this value; 0 for a scalar.
  [[nodiscard]] std::size_t depth() const;
  /// Python's type name: "str", "int", "NoneType"...
  [[nodiscard]] std::string_view type_name() const;
  /// Python's `is`: same object, or equal scalars of one type.
  [[nodiscard]] bool same_as(const Value& other) const;

 private:
  template <typename T>
  [[nodiscard]] bool holds() const {
    return std::holds_alternative<T>(storage_);
  }

  Storage storage_;
};

/// The Python type a sequence stands for. It decides printing, truth, indexing and len().
enum class SequenceKind { kList, kTuple, kRange, kGenerator, kItems, kKeys, kValues };

struct Sequence {
  SequenceKind kind = SequenceKind::kList;
  std::vector<Value> items;
  std::size_t depth = 1;
};

/// A mapping in insertion order. A later entry of the same key replaces the value of the first.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  explicit Dict(std::vector<Entry> entries);

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  /// nullptr when there is no such key.
  [[nodiscard]] const Value* find(std::string_view key) const;
  [[nodiscard]] const Value* find(const Value& key) const;

 private:
  std::vector<Entry> entries_;
  std::vector<std::uint32_t>
      by_name_;  // entries with string keys, sorted by key: lookups that no chosen key can slow down
  std::size_t depth_ = 1;
};

/// The object of namespace(): the one thing that `{% set ns.name = value %}` can change.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;

  [[nodiscard]] const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

/// The `loop` variable of one running for statement.
struct Loop {
  SequenceRef items;
  std::size_t index0 = 0;
  bool changed_called = false;  ///< state of loop.changed()
  Value last_changed;
};

/// The arguments of a call, filter or test, evaluated.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A macro, a global function, or a method bound to its object.
struct Callable {
  std::string name;
  std::string_view type_name = "function";
  std::function<Value(Heap&, const Arguments&)> call;
  std::size_t depth = 0;  ///< of the object it is bound to
};

}  // namespace marlin::jinja

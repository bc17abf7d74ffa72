// SPDX-License-Identifier: Apache-2.0
// Value: construction, truth and names; Dict's index.
#include "text/jinja/value.h"

#include <algorithm>
#include <numeric>

#include "text/jinja/compare.h"

namespace marlin::jinja {

Value Value::undefined(std::string message) {
  return Value(Storage(Undefined{std::make_shared<const std::string>(std::move(message))}));
}

Value Value::constant(std::string bytes) {
  return Value(Storage(std::make_shared<const MarkedText>(std::move(bytes), false)));
}

std::int64_t Value::as_integer() const {
  if (const bool* flag = get<bool>()) return *flag ? 1 : 0;
  return std::get<std::int64_t>(storage_);
}

double Value::as_real() const { return is_real() ? std::get<double>(storage_) : static_cast<double>(as_integer()); }

bool Value::truthy() const {
  if (const bool* flag = get<bool>()) return *flag;
  if (const auto* number = get<std::int64_t>()) return *number != 0;
  if (const auto* number = get<double>()) return *number != 0.0;
  if (is_string()) return !text().empty();
  if (is_sequence()) return sequence().kind == SequenceKind::kGenerator || !sequence().items.empty();
  if (is_dict()) return dict().size() > 0;
  return !is_none() && !is_undefined();
}

std::size_t Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is_dict()) return dict().depth();
  if (const auto* callable = get<CallableRef>()) return (*callable)->depth;
  if (const auto* loop = get<LoopRef>()) return (*loop)->items->depth + 1;
  return 0;
}

std::string_view Value::type_name() const {
  if (is_undefined()) return "Undefined";
  if (is_bool()) return "bool";
  if (is_integer()) return "int";
  if (is_real()) return "float";
  if (is_string()) return "str";
  if (is_dict()) return "dict";
  if (const auto* callable = get<CallableRef>()) return (*callable)->type_name;
  if (get<NamespaceRef>() != nullptr) return "jinja2.utils.Namespace";
  if (get<LoopRef>() != nullptr) return "jinja2.runtime.LoopContext";
  if (!is_sequence()) return "NoneType";
  switch (sequence().kind) {
    case SequenceKind::kList:
      return "list";
    case SequenceKind::kTuple:
      return "tuple";
    case SequenceKind::kRange:
      return "range";
    case SequenceKind::kItems:
      return "dict_items";
    case SequenceKind::kKeys:
      return "dict_keys";
    case SequenceKind::kValues:
      return "dict_values";
    case SequenceKind::kGenerator:
      break;
  }
  return "generator";
}

bool Value::same_as(const Value& other) const {
  if (storage_.index() != other.storage_.index()) return false;
  if (is_undefined()) return std::get<Undefined>(storage_).message == std::get<Undefined>(other.storage_).message;
  if (is_string()) return bytes() == other.bytes();
  if (const auto* mine = get<SequenceRef>()) return *mine == *other.get<SequenceRef>();
  if (const auto* mine = get<DictRef>()) return *mine == *other.get<DictRef>();
  if (const auto* mine = get<NamespaceRef>()) return *mine == *other.get<NamespaceRef>();
  if (const auto* mine = get<CallableRef>()) return *mine == *other.get<CallableRef>();
  if (const auto* mine = get<LoopRef>()) return *mine == *other.get<LoopRef>();
  return is_none() || as_real() == other.as_real();
}

Dict::Dict(std::vector<Entry> entries) : entries_(std::move(entries)) {
  // A stable sort by key puts equal keys together, first one first.
  std::vector<std::uint32_t> order;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].first.is_string()) order.push_back(static_cast<std::uint32_t>(i));
  }
  const auto key_of = [this](std::uint32_t i) -> const std::string& { return entries_[i].first.bytes(); };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return key_of(a) < key_of(b); });
  std::vector<bool> dropped(entries_.size(), false);
  for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
    if (key_of(order[i]) != key_of(order[first])) {
      first = i;
      continue;
    }
    entries_[order[first]].second = entries_[order[i]].second;
    dropped[order[i]] = true;
  }
  for (std::size_t i = 1; i < entries_.size(); ++i) {  // other keys are rare: numbers in a dict literal
    if (entries_[i].first.is_string()) continue;
    for (std::size_t first = 0; first < i; ++first) {
      if (dropped[first] || !scalars_equal(entries_[first].first, entries_[i].first)) continue;
      entries_[first].second = entries_[i].second;
      dropped[i] = true;
      break;
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (dropped[i]) continue;
    if (kept != i) entries_[kept] = std::move(entries_[i]);
    depth_ = std::max(depth_, 1 + std::max(entries_[kept].first.depth(), entries_[kept].second.depth()));
    if (entries_[kept].first.is_string()) by_name_.push_back(static_cast<std::uint32_t>(kept));
    ++kept;
  }
  entries_.resize(kept);
  std::sort(by_name_.begin(), by_name_.end(), [&](auto a, auto b) { return key_of(a) < key_of(b); });
}

const Value* Dict::find(std::string_view key) const {
  const auto found =
      std::lower_bound(by_name_.begin(), by_name_.end(), key,
                       [this](std::uint32_t i, std::string_view k) { return entries_[i].first.bytes() < k; });
  if (found == by_name_.end() || entries_[*found].first.bytes() != key) return nullptr;
  return &entries_[*found].second;
}

const Value* Dict::find(const Value& key) const {
  if (key.is_string()) return find(key.bytes());
  for (const auto& [candidate, value] : entries_) {
    if (scalars_equal(candidate, key)) return &value;
  }
  return nullptr;
}

const Value* Namespace::find(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Namespace::set(std::string_view name, Value value) {
  for (auto& [key, current] : attributes) {
    if (key != name) continue;
    current = std::move(value);
    return;
  }
  attributes.emplace_back(std::string(name), std::move(value));
}

}  // namespace marlin::jinja

// SPDX-License-Identifier: Apache-2.0
// Objects that the program knows by handles, so that a stale handle is an error and not a crash.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace softcuda {

template <typename T>
class Registry {
 public:
  /// The one of this type.
  static Registry& instance() {
    static auto* instance = new Registry;  // for good: threads of streams outlive main()
    return *instance;
  }

  T* add(std::shared_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    T* const handle = object.get();
    objects_[handle] = std::move(object);
    return handle;
  }
  /// Null if there is none.
  std::shared_ptr<T> find(T* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }
  std::shared_ptr<T> remove(T* handle) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(handle);
    if (found == objects_.end()) return nullptr;
    std::shared_ptr<T> object = std::move(found->second);
    objects_.erase(found);
    return object;
  }
  std::vector<std::shared_ptr<T>> all() {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<T>> objects;
    for (const auto& [handle, object] : objects_) objects.push_back(object);
    return objects;
  }

 private:
  std::mutex mutex_;
  std::map<T*, std::shared_ptr<T>> objects_;
};

}  // namespace softcuda

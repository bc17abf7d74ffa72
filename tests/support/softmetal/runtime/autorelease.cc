// SPDX-License-Identifier: Apache-2.0
#include "runtime/autorelease.h"

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

// One stack of objects for all pools of the thread; a null marks where a pool begins.
struct PoolStack {
  std::vector<Object*> objects;
  std::size_t n_pools = 0;
};

PoolStack& stack() {
  static thread_local PoolStack instance;
  return instance;
}

class AutoreleasePool final : public Object {
 public:
  AutoreleasePool();
  void drain() { release(); }

 protected:
  void dealloc() override { pop_pool(token_); }

 private:
  void* token_;
};

const Class& pool_class() {
  static const Class& instance = *new Class("NSAutoreleasePool", &object_class(), make<AutoreleasePool>,
                                            {{"drain", method<&AutoreleasePool::drain>()}});
  return instance;
}

AutoreleasePool::AutoreleasePool() : Object(pool_class()), token_(push_pool()) {}

[[maybe_unused]] const Class& registered = pool_class();

}  // namespace

// The token is the place of the pool's mark, plus one so that it is never null.
void* push_pool() {
  PoolStack& pools = stack();
  pools.objects.push_back(nullptr);
  ++pools.n_pools;
  return reinterpret_cast<void*>(pools.objects.size());
}

void pop_pool(void* token) {
  const auto begin = reinterpret_cast<std::size_t>(token) - 1;
  PoolStack& pools = stack();
  if (token == nullptr || begin >= pools.objects.size() || pools.objects[begin] != nullptr) {
    fault("-[NSAutoreleasePool drain]: the pool is not one of this thread's, or was ended already");
    return;
  }
  while (pools.objects.size() > begin) {
    Object* object = pools.objects.back();
    pools.objects.pop_back();
    if (object == nullptr) {
      --pools.n_pools;
    } else {
      object->release();  // may push on this stack, and pop it again
    }
  }
}

bool has_pool() { return stack().n_pools > 0; }

Object* autorelease(Object* object) {
  if (object == nullptr) return nullptr;
  if (!has_pool()) {
    fault("-[%s autorelease]: no autorelease pool on this thread, the object leaks", object->type().name());
  } else {
    stack().objects.push_back(object);
  }
  return object;
}

}  // namespace softmetal

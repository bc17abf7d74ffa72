// SPDX-License-Identifier: Apache-2.0
// Autorelease pools, a stack of them per thread.
#pragma once

#include "runtime/object.h"

namespace softmetal {

/// Begins a pool on this thread; the token ends it and every pool begun after it.
void* push_pool();
void pop_pool(void* token);
/// Whether this thread has a pool.
bool has_pool();

/// Gives one reference to the innermost pool of this thread. Without a pool: a fault, and the object leaks, as Apple's.
Object* autorelease(Object* object);

template <class T>
T* autoreleased(T* object) {
  autorelease(object);
  return object;
}

}  // namespace softmetal

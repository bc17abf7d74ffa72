// SPDX-License-Identifier: Apache-2.0
// MTLResidencySet: additions and removals take effect at commit.
#pragma once

#include <mutex>
#include <vector>

#include "classes/buffer.h"
#include "foundation/error.h"

namespace softmetal {

class ResidencySetDescriptor final : public Object {
 public:
  ResidencySetDescriptor();
  void set_initial_capacity(unsigned long /*n*/) {}
  void set_label_string(const String* label) { set_label(text_of(label)); }
};

class ResidencySet final : public Object {
 public:
  explicit ResidencySet(const std::string& label);

  /// What has been committed; holds keep addresses of dead buffers apart from those of new ones.
  [[nodiscard]] std::vector<Hold<Buffer>> committed();

  void add(Buffer* buffer);
  void add_many(Buffer* const* buffers, unsigned long n);
  void remove(Buffer* buffer);
  void remove_many(Buffer* const* buffers, unsigned long n);
  void remove_all();
  void commit();
  void request_residency() {}
  void end_residency() {}
  bool contains(Buffer* buffer);
  unsigned long count();
  unsigned long allocated_size();
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }

 protected:
  void dealloc() override;

 private:
  std::mutex mutex_;
  std::vector<Hold<Buffer>> pending_;
  std::vector<Hold<Buffer>> committed_;
};

}  // namespace softmetal

// SPDX-License-Identifier: Apache-2.0
// MTLBinaryArchive: remembers which functions were added, in a file of their fingerprints.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "classes/pipeline.h"
#include "foundation/url.h"

namespace softmetal {

class BinaryArchiveDescriptor final : public Object {
 public:
  BinaryArchiveDescriptor();
  void set_url(Url* url) { url_ = Ref<Url>(url); }
  Url* url() { return url_.get(); }

 protected:
  void dealloc() override { url_.reset(); }

 private:
  Ref<Url> url_;
};

class BinaryArchive final : public Object {
 public:
  explicit BinaryArchive(std::set<std::string> fingerprints);

  [[nodiscard]] bool holds(const Function& function);

  bool add(PipelineDescriptor* descriptor, Error** error);
  bool serialize(Url* url, Error** error);
  void set_label_string(const String* label) { set_label(text_of(label)); }

 private:
  std::mutex mutex_;
  std::set<std::string> fingerprints_;
};

/// Of the file that the descriptor names, or empty if it names none; null if that cannot be read.
BinaryArchive* new_archive(BinaryArchiveDescriptor* descriptor, Error** error);

/// Whether one of the archives (null: none) holds the function.
[[nodiscard]] bool is_archived(Array* archives, const Function& function);

}  // namespace softmetal

// SPDX-License-Identifier: Apache-2.0
#include "classes/binary_archive.h"

#include <fstream>
#include <utility>

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& descriptor_class() {
  static const Class& instance = *new Class(
      "MTLBinaryArchiveDescriptor", &object_class(), make<BinaryArchiveDescriptor>,
      {{"setUrl:", method<&BinaryArchiveDescriptor::set_url>()}, {"url", method<&BinaryArchiveDescriptor::url>()}});
  return instance;
}

const Class& archive_class() {
  static const Class& instance =
      *new Class("MTLBinaryArchive", &object_class(), nullptr,
                 {{"addComputePipelineFunctionsWithDescriptor:error:", method<&BinaryArchive::add>()},
                  {"serializeToURL:error:", method<&BinaryArchive::serialize>()},
                  {"setLabel:", method<&BinaryArchive::set_label_string>()}});
  return instance;
}

[[maybe_unused]] const Class& registered_descriptor = descriptor_class();
[[maybe_unused]] const Class& registered_archive = archive_class();

constexpr const char* kFirstLine = "softmetal binary archive 1";
constexpr long kErrorInvalidFile = 1;
constexpr long kErrorUnexpectedElement = 2;

}  // namespace

BinaryArchiveDescriptor::BinaryArchiveDescriptor() : Object(descriptor_class()) {}

BinaryArchive::BinaryArchive(std::set<std::string> fingerprints)
    : Object(archive_class()), fingerprints_(std::move(fingerprints)) {}

bool BinaryArchive::holds(const Function& function) {
  const std::lock_guard lock(mutex_);
  return fingerprints_.count(function.fingerprint()) > 0;
}

bool BinaryArchive::add(PipelineDescriptor* descriptor, Error** error) {
  const Function* function = descriptor != nullptr ? descriptor->function() : nullptr;
  if (function == nullptr) {
    fault("-[MTLBinaryArchive addComputePipelineFunctionsWithDescriptor:error:]: the function is nil");
    set_error(error, kArchiveErrors, kErrorUnexpectedElement, "the function is nil");
    return false;
  }
  const std::lock_guard lock(mutex_);
  fingerprints_.insert(function->fingerprint());
  return true;
}

bool BinaryArchive::serialize(Url* url, Error** error) {
  const std::lock_guard lock(mutex_);
  std::ofstream file(url != nullptr ? url->path_text() : std::string());
  file << kFirstLine << '\n';
  for (const std::string& fingerprint : fingerprints_) file << fingerprint << '\n';
  file.close();
  if (file) return true;
  set_error(error, kArchiveErrors, kErrorInvalidFile, "the archive cannot be written");
  return false;
}

BinaryArchive* new_archive(BinaryArchiveDescriptor* descriptor, Error** error) {
  std::set<std::string> fingerprints;
  if (descriptor != nullptr && descriptor->url() != nullptr) {
    std::ifstream file(descriptor->url()->path_text());
    std::string line;
    if (!std::getline(file, line) || line != kFirstLine) {
      set_error(error, kArchiveErrors, kErrorInvalidFile, descriptor->url()->path_text() + " is no binary archive");
      return nullptr;
    }
    while (std::getline(file, line)) fingerprints.insert(line);
  }
  return new BinaryArchive(std::move(fingerprints));
}

bool is_archived(Array* archives, const Function& function) {
  if (archives == nullptr) return false;
  for (const Ref<Object>& archive : archives->objects()) {
    if (static_cast<BinaryArchive*>(archive.get())->holds(function)) return true;
  }
  return false;
}

}  // namespace softmetal

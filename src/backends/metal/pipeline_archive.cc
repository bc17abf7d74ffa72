// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/pipeline_archive.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "backends/metal/api.h"
#include "backends/metal/metal_sources.h"
#include "base/environment.h"

namespace marlin::metal {
namespace {

objc::Id file_url(const std::string& path) {
  return objc::send<"fileURLWithPath:", objc::Id>(objc::class_of<"NSURL">(), objc::string(path));
}

}  // namespace

PipelineArchive::PipelineArchive(objc::Id device) {
  const std::string folder = pipeline_cache_folder();
  if (folder.empty()) return;
  const objc::AutoreleasePool pool;
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  path_ = fmt::format("{}/{:016x}.metalarchive", folder, metal_sources_hash());
  for (const bool existing : {true, false}) {  // one that this system cannot read is made anew
    if (existing && !std::filesystem::exists(path_, ignored)) continue;
    const objc::Owned descriptor = objc::make<"MTLBinaryArchiveDescriptor">();
    if (existing) objc::send<"setUrl:">(descriptor.get(), file_url(path_));
    objc::Id error = nullptr;
    archive_ = api::device::new_binary_archive(device, descriptor.get(), &error);
    if (archive_) return;
    spdlog::debug("no archive of compiled kernels in {}: {}", path_, objc::description_of(error));
  }
}

PipelineArchive::~PipelineArchive() {
  if (!changed_) return;
  const objc::AutoreleasePool pool;
  objc::Id error = nullptr;
  const std::string temporary = fmt::format("{}.{}", path_, static_cast<const void*>(this));
  std::error_code failure;
  if (objc::send<"serializeToURL:error:", bool>(archive_.get(), file_url(temporary), &error)) {
    std::filesystem::rename(temporary, path_, failure);  // never half a file for another process
  }
  if (error != nullptr || failure) spdlog::debug("compiled kernels were not saved to {}", path_);
}

void PipelineArchive::offer(objc::Id descriptor) const {
  if (!archive_) return;
  const objc::Id archives = objc::send<"arrayWithObject:", objc::Id>(objc::class_of<"NSArray">(), archive_.get());
  objc::send<"setBinaryArchives:">(descriptor, archives);
}

void PipelineArchive::add(objc::Id descriptor) {
  if (!archive_) return;
  objc::Id error = nullptr;
  if (objc::send<"addComputePipelineFunctionsWithDescriptor:error:", bool>(archive_.get(), descriptor, &error)) {
    changed_ = true;
  } else {
    spdlog::debug("a kernel was not archived: {}", objc::description_of(error));
  }
}

}  // namespace marlin::metal

// SPDX-License-Identifier: Apache-2.0
// NSProcessInfo: host code asks it for the version of macOS, in a struct returned through memory (objc_msgSend_stret).
#include "runtime/method.h"

namespace softmetal {
namespace {

struct OperatingSystemVersion {
  long major;
  long minor;
  long patch;
};

class ProcessInfo final : public Object {
 public:
  ProcessInfo();
  static ProcessInfo* shared();
  OperatingSystemVersion version() { return {15, 0, 0}; }
  bool is_at_least(OperatingSystemVersion wanted) {
    return wanted.major < 15 || (wanted.major == 15 && wanted.minor == 0 && wanted.patch == 0);
  }
  unsigned long long physical_memory() { return 1ULL << 36; }
};

const Class& process_info_class() {
  static const Class& instance = *new Class("NSProcessInfo", &object_class(), nullptr,
                                            {{"operatingSystemVersion", method<&ProcessInfo::version>()},
                                             {"isOperatingSystemAtLeastVersion:", method<&ProcessInfo::is_at_least>()},
                                             {"physicalMemory", method<&ProcessInfo::physical_memory>()}},
                                            {{"processInfo", method<&ProcessInfo::shared>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = process_info_class();

// There is one, and it does not count as live.
ProcessInfo::ProcessInfo() : Object(process_info_class(), Uncounted{}) {}

ProcessInfo* ProcessInfo::shared() {
  static auto* instance = new ProcessInfo;
  return instance;
}

}  // namespace
}  // namespace softmetal

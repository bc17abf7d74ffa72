// SPDX-License-Identifier: Apache-2.0
#include "classes/capture.h"

#include <fstream>

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& descriptor_class() {
  static const Class& instance = *new Class("MTLCaptureDescriptor", &object_class(), make<CaptureDescriptor>,
                                            {{"setCaptureObject:", method<&CaptureDescriptor::set_object>()},
                                             {"setDestination:", method<&CaptureDescriptor::set_destination>()},
                                             {"destination", method<&CaptureDescriptor::destination>()},
                                             {"setOutputURL:", method<&CaptureDescriptor::set_url>()},
                                             {"outputURL", method<&CaptureDescriptor::url>()}});
  return instance;
}

const Class& manager_class() {
  static const Class& instance = *new Class("MTLCaptureManager", &object_class(), nullptr,
                                            {{"supportsDestination:", method<&CaptureManager::supports>()},
                                             {"startCaptureWithDescriptor:error:", method<&CaptureManager::start>()},
                                             {"stopCapture", method<&CaptureManager::stop>()},
                                             {"isCapturing", method<&CaptureManager::is_capturing>()}},
                                            {{"sharedCaptureManager", method<&CaptureManager::shared>()}});
  return instance;
}

[[maybe_unused]] const Class& registered_descriptor = descriptor_class();
[[maybe_unused]] const Class& registered_manager = manager_class();

constexpr long kToDocument = 2;

}  // namespace

CaptureDescriptor::CaptureDescriptor() : Object(descriptor_class()) {}

void CaptureDescriptor::dealloc() {
  object_.reset();
  url_.reset();
}

// There is one, and it does not count as live.
CaptureManager::CaptureManager() : Object(manager_class(), Uncounted{}) {}

CaptureManager* CaptureManager::shared() {
  static auto* instance = new CaptureManager;
  return instance;
}

bool CaptureManager::start(CaptureDescriptor* descriptor, Error** error) {
  const char* why = nullptr;
  if (descriptor == nullptr || !descriptor->complete()) why = "the descriptor names no object to capture";
  if (why == nullptr && capturing_) why = "a capture is running";
  if (why == nullptr && descriptor->destination() == kToDocument) {
    if (descriptor->url() == nullptr) {
      why = "a trace document needs an output URL";
    } else if (std::ifstream(descriptor->url()->path_text()).good()) {
      why = "the output URL exists already";
    } else if (!(std::ofstream(descriptor->url()->path_text()) << "softmetal capture\n")) {
      why = "the output URL cannot be written";
    }
  }
  if (why != nullptr) {
    set_error(error, kCaptureErrors, 1, why);
    return false;
  }
  capturing_ = true;
  return true;
}

void CaptureManager::stop() {
  if (!capturing_.exchange(false)) fault("-[MTLCaptureManager stopCapture]: no capture is running");
}

}  // namespace softmetal

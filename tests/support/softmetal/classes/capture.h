// SPDX-License-Identifier: Apache-2.0
// MTLCaptureManager: traces are supported by name only. What is checked is that a capture is stopped that was started.
#pragma once

#include "foundation/error.h"
#include "foundation/url.h"

namespace softmetal {

class CaptureDescriptor final : public Object {
 public:
  CaptureDescriptor();
  [[nodiscard]] bool complete() const { return static_cast<bool>(object_); }

  void set_object(Object* object) { object_ = Ref<Object>(object); }
  void set_destination(long destination) { destination_ = destination; }
  long destination() { return destination_; }
  void set_url(Url* url) { url_ = Ref<Url>(url); }
  Url* url() { return url_.get(); }

 protected:
  void dealloc() override;

 private:
  Ref<Object> object_;
  Ref<Url> url_;
  long destination_ = 1;
};

class CaptureManager final : public Object {
 public:
  CaptureManager();
  static CaptureManager* shared();
  bool supports(long destination) { return destination == 1 || destination == 2; }
  bool start(CaptureDescriptor* descriptor, Error** error);
  void stop();
  bool is_capturing() { return capturing_; }

 private:
  std::atomic<bool> capturing_{false};
};

}  // namespace softmetal

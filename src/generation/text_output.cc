// SPDX-License-Identifier: Apache-2.0
#include "generation/text_output.h"

namespace marlin {

void TextOutput::push(std::int32_t token, std::string& out) {
  decoded_.clear();
  decoder_.push(token, decoded_);
  decoded_bytes_ += decoded_.size();
  stops_.push(decoded_, out);
}

void TextOutput::finish(std::string& out) {
  if (stops_.matched()) return;
  decoded_.clear();
  decoder_.flush(decoded_);
  decoded_bytes_ += decoded_.size();
  stops_.push(decoded_, out);
  if (!stops_.matched()) stops_.flush(out);
}

}  // namespace marlin

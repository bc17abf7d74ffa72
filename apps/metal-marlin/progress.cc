// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace marlin::app {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);
constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int kWidth = 30;

}  // namespace

void ProgressBar::update(std::string_view stage, double fraction) {
  const auto now = Clock::now();
  if (isatty(STDERR_FILENO) == 0 || now - start_ < kPatience || (drawn_ && now - drawn_at_ < kRedraw)) return;
  const int filled = std::clamp(static_cast<int>(fraction * kWidth), 0, kWidth);
  fmt::print(stderr, "\r\x1b[K{} [{:#<{}}{:.<{}}] {:.0f}%", stage, "", filled, "", kWidth - filled, fraction * 100);
  std::fflush(stderr);
  drawn_at_ = now;
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace marlin::app

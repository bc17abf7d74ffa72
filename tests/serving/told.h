// SPDX-License-Identifier: Apache-2.0
// What a request of the batch engine was told, for a test to wait for.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "serving/batch_engine.h"

namespace marlin::test {

class Told {
 public:
  BatchEngine::Listener listener() {
    return [this](const BatchUpdate& update) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(over_) << "news after the last";
      EXPECT_TRUE(tokens_.empty() || update.prompt_log_probabilities.empty()) << "news of the prompt comes first";
      tokens_.insert(tokens_.end(), update.tokens.begin(), update.tokens.end());
      text_ += update.text;
      log_probabilities_.insert(log_probabilities_.end(), update.log_probabilities.begin(),
                                update.log_probabilities.end());
      of_prompt_.insert(of_prompt_.end(), update.prompt_log_probabilities.begin(),
                        update.prompt_log_probabilities.end());
      finished_ = update.finished;
      cached_tokens_ = update.cached_tokens;
      if (update.error != nullptr) error_ = *update.error;
      over_ = update.finished.has_value() || update.error != nullptr;
      changed_.notify_all();
    };
  }

  void wait() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::minutes(2), [this] { return over_; }));
  }

  void wait_for_tokens(std::size_t n) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::minutes(2), [&] { return over_ || tokens_.size() >= n; }));
  }

  [[nodiscard]] const std::vector<std::int32_t>& tokens() const { return tokens_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<LogProbabilities>& log_probabilities() const { return log_probabilities_; }
  [[nodiscard]] const std::vector<LogProbabilities>& of_prompt() const { return of_prompt_; }
  [[nodiscard]] std::optional<FinishReason> finished() const { return finished_; }
  [[nodiscard]] std::int64_t cached_tokens() const { return cached_tokens_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::int32_t> tokens_;
  std::string text_;
  std::vector<LogProbabilities> log_probabilities_;
  std::vector<LogProbabilities> of_prompt_;
  std::optional<FinishReason> finished_;
  std::int64_t cached_tokens_ = 0;
  std::optional<Error> error_;
  bool over_ = false;
};

}  // namespace marlin::test

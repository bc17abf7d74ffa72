// SPDX-License-Identifier: Apache-2.0
// Generation and scoring on one sequence.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "generation/session_parts.h"
#include "generation/text_output.h"
#include "sampling/log_probabilities.h"
#include "sampling/sampler_options.h"

namespace marlin {
namespace {

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Gathers the text of a generation and hands it to the sink as it settles. Strings keep their memory.
class GatheredText {
 public:
  /// `n_tokens`: most that will come.
  GatheredText(const Tokenizer& tokenizer, const std::vector<std::string>& stops, const TextSink& sink,
               std::int64_t n_tokens)
      : output_(tokenizer, stops), sink_(sink) {
    constexpr std::size_t kUsualTokenBytes = 8;
    constexpr std::size_t kMostReserved = std::size_t{1} << 20;
    text_.reserve(std::min(static_cast<std::size_t>(n_tokens) * kUsualTokenBytes, kMostReserved));
  }

  void push(std::int32_t token) {
    settled_.clear();
    output_.push(token, settled_);
    emit();
  }

  void finish() {
    settled_.clear();
    output_.finish(settled_);
    emit();
  }

  [[nodiscard]] bool stopped() const { return output_.stopped(); }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void emit() {
    if (settled_.empty()) return;
    text_ += settled_;
    if (sink_ && !cancelled_) cancelled_ = !sink_(settled_);
  }

  TextOutput output_;
  const TextSink& sink_;
  std::string settled_;
  std::string text_;
  bool cancelled_ = false;
};

/// How much of the prompt the sequence already holds; the last token is always computed again, for its logits.
std::int64_t reusable_tokens(const std::vector<std::int32_t>& held, std::span<const std::int32_t> prompt) {
  const std::size_t n = std::min(held.size(), prompt.size() - 1);
  const auto differs = std::mismatch(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(n), prompt.begin());
  return differs.first - held.begin();
}

}  // namespace

Session::Session(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Session::~Session() = default;

void Session::truncate(std::int64_t n_tokens) { parts_->sequence.truncate(n_tokens); }

void Session::append(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens) {
  parts_->sequence.append(tokens, max_chunk_tokens);
}

std::span<const float> Session::logits() { return parts_->sequence.logits(); }

std::int64_t Session::size() const { return parts_->sequence.size(); }

GenerationResult Session::generate(std::span<const std::int32_t> prompt, const GenerationOptions& options,
                                   const TextSink& sink) {
  const Tokenizer& tokenizer = parts_->loaded.require_tokenizer();
  const std::int64_t room = parts_->sequence.capacity() - static_cast<std::int64_t>(prompt.size());
  GatheredText output(tokenizer, options.stop, sink, std::max<std::int64_t>(room, 0));
  const LoadedModel& loaded = parts_->loaded;
  GenerationResult result = generate_tokens(prompt, options, [&](std::int32_t token) {
    if (options.ignore_eos || !loaded.is_eos(token)) output.push(token);
    return !output.stopped() && !output.cancelled();
  });
  output.finish();
  if (output.stopped()) result.finish_reason = FinishReason::kStop;
  if (output.cancelled()) result.finish_reason = FinishReason::kCancelled;
  result.text = output.text();
  return result;
}

// One pass is always encoded ahead: the device goes on with the token that the host has yet to look at.
GenerationResult Session::generate_tokens(std::span<const std::int32_t> prompt, const GenerationOptions& options,
                                          const TokenSink& sink) {
  validate(options);
  const LoadedModel& loaded = parts_->loaded;
  Sequence& sequence = parts_->sequence;
  const auto n_prompt = static_cast<std::int64_t>(prompt.size());
  if (n_prompt == 0) fail(ErrorCode::kInvalidArgument, "the prompt is empty; give at least one token");
  if (n_prompt >= sequence.capacity()) {
    fail(ErrorCode::kContextOverflow,
         "the prompt has {} tokens and the context {}: nothing could be generated; shorten it or raise --ctx-size",
         n_prompt, sequence.capacity());
  }
  const std::int64_t room = sequence.capacity() - n_prompt;
  const std::int64_t limit = options.max_tokens < 0 ? room : std::min(room, options.max_tokens);
  GenerationResult result;
  result.prompt_tokens = n_prompt;
  result.cached_tokens = reusable_tokens(sequence.tokens(), prompt);
  result.output_ids.reserve(static_cast<std::size_t>(limit));
  result.finish_reason = FinishReason::kLength;

  const auto start = Clock::now();
  sequence.truncate(result.cached_tokens);
  sequence.begin_sampling(options.sampling, prompt);
  sequence.append_and_sample(prompt.subspan(static_cast<std::size_t>(result.cached_tokens)));
  auto first_token = start;
  for (std::int64_t i = 0; i < limit; ++i) {
    if (i + 1 < limit) sequence.step();
    const std::int32_t token = sequence.next_token();
    if (i == 0) {
      result.prompt_seconds = seconds_since(start);
      first_token = Clock::now();
    }
    result.output_ids.push_back(token);
    const bool wanted = !sink || sink(token);
    if (!options.ignore_eos && loaded.is_eos(token)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    if (!wanted) {
      result.finish_reason = FinishReason::kCancelled;
      break;
    }
  }
  result.generation_seconds = seconds_since(first_token);
  return result;
}

std::vector<double> Session::score(std::span<const std::int32_t> tokens) {
  Sequence& sequence = parts_->sequence;
  sequence.truncate(0);
  const auto vocab = static_cast<std::size_t>(parts_->loaded.info.vocab_size);
  std::vector<double> scores;
  for (std::size_t first = 0; first + 1 < tokens.size();) {
    const std::size_t n = std::min(tokens.size() - 1 - first, static_cast<std::size_t>(sequence.max_logit_rows()));
    const std::span<const float> logits = sequence.append_for_all_logits(tokens.subspan(first, n));
    for (std::size_t i = 0; i < n; ++i) {
      scores.push_back(log_probability(logits.subspan(i * vocab, vocab), tokens[first + i + 1]));
      if (!std::isfinite(scores.back())) fail(ErrorCode::kDevice, "logits are not finite");
    }
    first += n;
  }
  return scores;
}

}  // namespace marlin

// SPDX-License-Identifier: Apache-2.0
// Generation and scoring on one sequence.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "generation/session_parts.h"
#include "generation/stop_matcher.h"
#include "sampling/sampler.h"
#include "sampling/sampler_options.h"
#include "text/stream_decoder.h"

namespace marlin {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Turns tokens into text as it settles: decoded, cut at stop strings, handed to the sink.
class TextOutput {
 public:
  TextOutput(const Tokenizer& tokenizer, const std::vector<std::string>& stops, const TextSink& sink)
      : decoder_(tokenizer, /*skip_special=*/true), stops_(stops), sink_(sink) {}

  void push(std::int32_t token) {
    decoded_.clear();
    decoder_.push(token, decoded_);
    stops_.push(decoded_, text_);
    emit();
  }

  void finish() {
    if (stops_.matched()) return;
    decoded_.clear();
    decoder_.flush(decoded_);
    stops_.push(decoded_, text_);
    if (!stops_.matched()) stops_.flush(text_);
    emit();
  }

  [[nodiscard]] bool stopped() const { return stops_.matched(); }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void emit() {
    const std::string_view text = std::string_view(text_).substr(n_emitted_);
    n_emitted_ = text_.size();
    if (sink_ && !cancelled_ && !text.empty()) cancelled_ = !sink_(text);
  }

  StreamDecoder decoder_;
  StopMatcher stops_;
  const TextSink& sink_;
  std::string decoded_;  // by the token at hand
  std::string text_;
  std::size_t n_emitted_ = 0;
  bool cancelled_ = false;
};

/// Log of the softmax probability of `token`.
double log_probability(std::span<const float> logits, std::int32_t token) {
  const double maximum = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - maximum);
  const double result = static_cast<double>(logits[static_cast<std::size_t>(token)]) - maximum - std::log(sum);
  if (!std::isfinite(result)) fail(ErrorCode::kDevice, "logits are not finite");
  return result;
}

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

std::span<float> Session::logits() { return parts_->sequence.logits(); }

std::int64_t Session::size() const { return parts_->sequence.size(); }

GenerationResult Session::generate(std::span<const std::int32_t> prompt, const GenerationOptions& options,
                                   const TextSink& sink) {
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

  GenerationResult result;
  result.prompt_tokens = n_prompt;
  result.cached_tokens = reusable_tokens(sequence.tokens(), prompt);
  const auto start = Clock::now();
  Sampler sampler(options.sampling, loaded.info.vocab_size, loaded.require_tokenizer().vocab_size());
  sampler.observe_prompt(prompt);
  sequence.truncate(result.cached_tokens);
  sequence.append(prompt.subspan(static_cast<std::size_t>(result.cached_tokens)));
  result.prompt_seconds = seconds_since(start);

  const std::int64_t room = sequence.capacity() - n_prompt;
  const std::int64_t limit = options.max_tokens < 0 ? room : std::min(room, options.max_tokens);
  const std::vector<std::int32_t>& eos = loaded.defaults.eos_token_ids;
  TextOutput output(loaded.require_tokenizer(), options.stop, sink);
  const auto first_token = Clock::now();
  result.finish_reason = FinishReason::kLength;
  for (std::int64_t i = 0; i < limit; ++i) {
    const std::int32_t token = sampler.sample(sequence.logits());
    result.output_ids.push_back(token);
    if (!options.ignore_eos && std::binary_search(eos.begin(), eos.end(), token)) {
      result.finish_reason = FinishReason::kStop;
      break;
    }
    output.push(token);
    if (output.stopped() || output.cancelled()) break;
    if (i + 1 < limit) sequence.append({&token, 1});
  }
  output.finish();
  if (output.stopped()) result.finish_reason = FinishReason::kStop;
  if (output.cancelled()) result.finish_reason = FinishReason::kCancelled;
  result.generation_seconds = seconds_since(first_token);
  result.text = output.text();
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
    }
    first += n;
  }
  return scores;
}

}  // namespace marlin

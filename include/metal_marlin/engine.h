// SPDX-License-Identifier: Apache-2.0
// The front door: load a model, open a session, generate. Tensor-free and small on purpose: what passes through it is
// text, token ids and plain options, so that programs, servers and bindings depend on nothing behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metal_marlin/counters.h"
#include "metal_marlin/error.h"
#include "metal_marlin/execution_options.h"
#include "metal_marlin/generation_options.h"
#include "metal_marlin/kernel_selection.h"
#include "metal_marlin/profile.h"

namespace marlin {

/// Context used when neither the caller nor the model asks for less.
inline constexpr std::int64_t kDefaultContextTokens = 8192;

struct EngineOptions {
  std::string model = {};      ///< model directory; ignored when `synthetic` is set
  std::string synthetic = {};  ///< geometry to fill with random weights instead ("glm-4.7-flash"), for speed tests
  int synthetic_bits = 3;      ///< bits per weight of the synthetic model, 1..8
  std::string backend = "auto";
  int n_threads = 0;                ///< cpu: 0 = one per usable processor
  std::int64_t context_tokens = 0;  ///< 0 = the model's own, at most kDefaultContextTokens
  std::string cache_type = "f16";   ///< of keys and values: f16, f32 at twice the memory, int8 at about half
  ExecutionOptions execution = {};  ///< of sessions that do not ask for their own
  bool check_finite = false;        ///< fail where a NaN or infinity first appears, naming layer and stage; slower
  std::string trace = {};           ///< file for a Chrome trace of everything the device does, written at the end
  std::function<void(std::string_view stage, double fraction)> progress = {};  ///< called while loading
};

/// Where memory goes, in bytes.
struct MemoryPlan {
  std::size_t weights = 0;
  std::size_t kv_cache = 0;   ///< of one session with the full context
  std::size_t workspace = 0;  ///< of one session
  [[nodiscard]] std::size_t total() const { return weights + kv_cache + workspace; }
};

struct EngineInfo {
  std::string model;         ///< directory or synthetic name
  std::string architecture;  ///< model_type
  std::string backend;
  std::string device;
  int n_threads = 0;
  std::int64_t vocab_size = 0;
  std::int64_t context_tokens = 0;
  double load_seconds = 0;
  double token_weight_bytes = 0;  ///< of the weights, read to decode a token; with experts, what is expected
  MemoryPlan memory;
};

struct ChatMessage {
  std::string role;     ///< "system", "user", "assistant"
  std::string content;  ///< never parsed for special tokens
};

struct GenerationResult {
  std::string text;
  std::vector<std::int32_t> output_ids;  ///< with the end-of-sequence token that ended it, if one did
  FinishReason finish_reason = FinishReason::kStop;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;  ///< of the prompt, already in the session's cache
  double prompt_seconds = 0;
  double generation_seconds = 0;  ///< from the first sampled token to the last
};

/// Takes new text as it is settled; returns false to stop (FinishReason::kCancelled).
using TextSink = std::function<bool(std::string_view text)>;

/// Takes every token as it is chosen; returns false to stop (FinishReason::kCancelled).
using TokenSink = std::function<bool(std::int32_t token)>;

class Session;
struct LoadedModel;

/// A loaded model. Thread-safe; outlives its sessions.
class Engine {
 public:
  /// Loads and binds everything; throws Error naming the file, tensor or option at fault.
  static std::unique_ptr<Engine> load(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] const EngineInfo& info() const;

  /// The model's recommended options (generation_config.json).
  [[nodiscard]] const GenerationOptions& defaults() const;

  /// Token ids of plain text. `parse_special`: spelled-out special tokens become themselves. With BOS if the model has
  /// one and `add_bos`.
  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text, bool parse_special, bool add_bos) const;

  [[nodiscard]] std::string decode(std::span<const std::int32_t> ids) const;

  /// The conversation rendered by the model's chat template, ready for the assistant's turn. `template_arguments`: a
  /// JSON object of further template variables ("{\"enable_thinking\": false}"), or empty.
  [[nodiscard]] std::vector<std::int32_t> encode_chat(std::span<const ChatMessage> messages,
                                                      std::string_view template_arguments = {}) const;

  /// `n_logit_rows`: rows of logits one pass can give; 1 unless scoring text.
  [[nodiscard]] std::unique_ptr<Session> new_session(std::int64_t n_logit_rows = 1);
  [[nodiscard]] std::unique_ptr<Session> new_session(std::int64_t n_logit_rows, const ExecutionOptions& execution);

  /// Everything all sessions have done so far.
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] TokenIntervals token_intervals() const;

  /// Which kernels a batch of that many token rows gets, and why. Errors: kInvalidArgument for batch < 1.
  [[nodiscard]] KernelSelection kernel_selection(std::int64_t batch) const;

  /// Measures where time goes, on a sequence of its own.
  [[nodiscard]] Profile profile(const ProfileOptions& options);

  /// What is behind all this, for the layers of the engine that serve many users.
  [[nodiscard]] const LoadedModel& loaded_model() const;

 private:
  friend class Session;
  struct Parts;
  explicit Engine(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// One sequence with its cache. Not thread-safe.
class Session {
 public:
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Continues `prompt`. What the session already holds of it is not computed again. Errors: kContextOverflow when the
  /// prompt leaves no room, kInvalidArgument for options or token ids out of range.
  GenerationResult generate(std::span<const std::int32_t> prompt, const GenerationOptions& options,
                            const TextSink& sink = {});

  /// The same without text: no stop strings, `sink` takes tokens.
  GenerationResult generate_tokens(std::span<const std::int32_t> prompt, const GenerationOptions& options,
                                   const TokenSink& sink = {});

  /// Forgets the sequence after its first n_tokens tokens.
  void truncate(std::int64_t n_tokens);

  /// Appends tokens, in passes of at most `max_chunk_tokens` (0 = the default). Does not wait for the last passes.
  void append(std::span<const std::int32_t> tokens, std::int64_t max_chunk_tokens = 0);

  /// Logits of the last appended token, [vocab_size]; waits for them. Valid until the next call.
  [[nodiscard]] std::span<const float> logits();

  /// Natural log of the probability of each of tokens[1..], given those before it; the session starts afresh.
  std::vector<double> score(std::span<const std::int32_t> tokens);

  /// Tokens held.
  [[nodiscard]] std::int64_t size() const;

 private:
  friend class Engine;
  struct Parts;
  explicit Session(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace marlin

// SPDX-License-Identifier: Apache-2.0
// Between two bytes every thread goes on through the steps that take none. Each (position, stack) is visited once,
// which ends loops and keeps the many ways to the same place from multiplying.
#include "grammar/grammar_simulator.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {

StackId GrammarSimulator::push(StackFrame frame) {
  frame.depth = frame.below == kEmptyStack ? 1 : top(frame.below).depth + 1;
  return frames_.insert(frame).index + 1;
}

StackId GrammarSimulator::copy_stack(const GrammarSimulator& from, StackId stack) {
  std::vector<StackFrame> path;
  for (; stack != kEmptyStack; stack = path.back().below) path.push_back(from.top(stack));
  StackId copied = kEmptyStack;
  for (; !path.empty(); path.pop_back()) {
    path.back().below = copied;
    copied = push(path.back());
  }
  return copied;
}

void GrammarSimulator::start(GrammarThreads& out) {
  out = {};
  seen_.clear();
  work_.push_back({grammar_.program().start, kEmptyStack});
  follow(out);
}

void GrammarSimulator::advance(const GrammarThreads& from, std::uint8_t byte, GrammarThreads& out) {
  out.threads.clear();
  out.at_end = out.too_ambiguous = false;
  seen_.clear();
  const GrammarProgram& program = grammar_.program();
  for (const GrammarThread& thread : from.threads) {
    if (program.byte_sets[program.steps[thread.position].target][byte]) {
      work_.push_back({thread.position + 1, thread.stack});
      follow(out);
    }
  }
}

void GrammarSimulator::resume(StackId stack, GrammarThreads& out) {
  out = {};
  seen_.clear();
  return_to(stack, out);
  follow(out);
}

/// Empties work_ into `out`.
void GrammarSimulator::follow(GrammarThreads& out) {
  const GrammarProgram& program = grammar_.program();
  while (!work_.empty()) {
    const GrammarThread thread = work_.back();
    work_.pop_back();
    if (out.too_ambiguous || !seen_.insert(thread).is_new) continue;
    if (seen_.size() > kMaxThreads) {
      out = {.threads = {}, .at_end = false, .too_ambiguous = true};
      continue;
    }
    const GrammarStep& step = program.steps[thread.position];
    switch (step.kind) {
      case GrammarStep::Kind::kBytes:
        out.threads.push_back(thread);
        break;
      case GrammarStep::Kind::kSplit:
        work_.push_back({step.target, thread.stack});
        work_.push_back({thread.position + 1, thread.stack});
        break;
      case GrammarStep::Kind::kJump:
        work_.push_back({step.target, thread.stack});
        break;
      case GrammarStep::Kind::kCall:
        call({.position = thread.position + 1, .count = StackFrame::kIsCall, .below = thread.stack}, step.target);
        break;
      case GrammarStep::Kind::kRepeat:
        repeat(thread.position, 0, thread.stack);
        break;
      case GrammarStep::Kind::kReturn:
        return_to(thread.stack, out);
        break;
    }
  }
}

void GrammarSimulator::return_to(StackId stack, GrammarThreads& out) {
  if (stack == kEmptyStack) {
    out.at_end = true;
    return;
  }
  const StackFrame frame = top(stack);
  if (frame.count == StackFrame::kIsCall) {
    work_.push_back({frame.position, frame.below});
  } else {
    repeat(frame.position, frame.count + 1, frame.below);
  }
}

/// Goes on where a repetition has been completed `count` times.
void GrammarSimulator::repeat(std::uint32_t position, std::uint32_t count, StackId stack) {
  const GrammarStep& step = grammar_.program().steps[position];
  if (count >= step.min) work_.push_back({step.target, stack});
  if (count >= step.max) return;
  if (step.max == kUnbounded) count = std::min(count, step.min);
  call({.position = position, .count = count, .below = stack}, position + 1);
}

void GrammarSimulator::call(const StackFrame& frame, std::uint32_t entry) {
  if (frame.below != kEmptyStack && top(frame.below).depth >= kMaxDepth) return;
  work_.push_back({entry, push(frame)});
}

}  // namespace marlin

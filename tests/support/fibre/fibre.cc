// SPDX-License-Identifier: Apache-2.0
// Only callee-saved registers travel with a switch: it is a function call to the compiler. Built without sanitizers
// (CMakeLists.txt), which would take one stack for another. On x86-64 a switch ends in a jump, since a return would
// always be predicted to go back into the fibre that was left.
#include "tests/support/fibre/fibre.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#if !defined(__x86_64__) && !defined(__aarch64__) && !defined(MARLIN_FIBRE_UCONTEXT)
#define MARLIN_FIBRE_UCONTEXT 1
#endif
#if defined(MARLIN_FIBRE_UCONTEXT)
#include <ucontext.h>
#endif

#if defined(MARLIN_FIBRE_UCONTEXT)
#elif defined(__x86_64__)
asm(R"(
.text
.p2align 4
.globl marlin_fibre_switch
.type marlin_fibre_switch,@function
marlin_fibre_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
.size marlin_fibre_switch,.-marlin_fibre_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.p2align 4
.globl marlin_fibre_switch
.type marlin_fibre_switch,%function
marlin_fibre_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size marlin_fibre_switch,.-marlin_fibre_switch
)");
#endif
#if !defined(MARLIN_FIBRE_UCONTEXT)
extern "C" void marlin_fibre_switch(void** save_stack_pointer, void* load_stack_pointer);
#endif

namespace marlin::test {

#if defined(MARLIN_FIBRE_UCONTEXT)
struct Fibre::Context {
  ucontext_t mine;
  ucontext_t caller;
};
#else
struct Fibre::Context {
  void* mine = nullptr;
  void* caller = nullptr;
};
#endif

Fibre::Fibre() : context_(std::make_unique<Context>()) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory =
      mmap(nullptr, kStackBytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  mprotect(memory, page, PROT_NONE);
  stack_ = reinterpret_cast<std::uintptr_t>(memory) + page;
  // Stacks lie a multiple of pages apart: tops at different places of a page keep them from meeting in a few cache
  // sets.
  static std::atomic<std::size_t> n_made{0};
  colour_ = n_made++ % 32 * 128;
}

Fibre::~Fibre() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  munmap(reinterpret_cast<void*>(stack_ - page), kStackBytes + page);
}

#if defined(MARLIN_FIBRE_UCONTEXT)
void Fibre::start(void (*body)()) {
  getcontext(&context_->mine);
  context_->mine.uc_stack.ss_sp = reinterpret_cast<void*>(stack_);
  context_->mine.uc_stack.ss_size = kStackBytes - colour_;
  context_->mine.uc_link = nullptr;
  makecontext(&context_->mine, body, 0);
}
void Fibre::resume() { swapcontext(&context_->caller, &context_->mine); }
void Fibre::leave() { swapcontext(&context_->mine, &context_->caller); }
void Fibre::leave_to(Fibre& next) {
  next.context_->caller = context_->caller;
  swapcontext(&context_->mine, &next.context_->mine);
}
#else
void Fibre::start(void (*body)()) {
  // What marlin_fibre_switch expects to find: saved registers, then the address to return to.
  auto** top = reinterpret_cast<void**>((stack_ + kStackBytes - colour_ - 64) & ~std::uintptr_t{63});
#if defined(__x86_64__)
  *--top = nullptr;  // the stack is 8 below a multiple of 16 at a function's first instruction
  *--top = reinterpret_cast<void*>(body);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
#else
  top -= 20;
  for (int i = 0; i < 20; ++i) top[i] = nullptr;
  top[11] = reinterpret_cast<void*>(body);  // x30
#endif
  context_->mine = top;
}
void Fibre::resume() { marlin_fibre_switch(&context_->caller, context_->mine); }
void Fibre::leave() { marlin_fibre_switch(&context_->mine, context_->caller); }
void Fibre::leave_to(Fibre& next) {
  next.context_->caller = context_->caller;
  marlin_fibre_switch(&context_->mine, next.context_->mine);
}
#endif

}  // namespace marlin::test

// SPDX-License-Identifier: Apache-2.0
// objc_msgSend: finds the method and jumps to it, with every argument register as the caller left it, so that it works
// for any signature. Arguments on the stack (an MTLSize) are where the method expects them, as nothing lies between.
// x86-64: _stret is for results in memory, whose address comes first; _fpret for those in x87 registers.
#if defined(__x86_64__)

// An integer 0, a floating-point 0, and two of each: what a message to nil gives.
asm(R"(
.text
.p2align 4
.globl softmetal_nil
.hidden softmetal_nil
.type softmetal_nil,@function
softmetal_nil:
  xorl %eax, %eax
  xorl %edx, %edx
  pxor %xmm0, %xmm0
  pxor %xmm1, %xmm1
  ret
.size softmetal_nil,.-softmetal_nil
)");

#define SOFTMETAL_SEND(name, self, selector)                                                                     \
  asm(".text\n.p2align 4\n.globl " name "\n.type " name ",@function\n" name                                      \
      ":\n"                                                                                                      \
      ".cfi_startproc\n"                                                                                         \
      "pushq %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"                                              \
      "movq %rsp, %rbp\n.cfi_def_cfa_register %rbp\n"                                                            \
      "subq $192, %rsp\n"                                                                                        \
      "movq %rdi, -8(%rbp)\nmovq %rsi, -16(%rbp)\nmovq %rdx, -24(%rbp)\nmovq %rcx, -32(%rbp)\n"                  \
      "movq %r8, -40(%rbp)\nmovq %r9, -48(%rbp)\nmovq %rax, -56(%rbp)\n"                                         \
      "movups %xmm0, -80(%rbp)\nmovups %xmm1, -96(%rbp)\nmovups %xmm2, -112(%rbp)\nmovups %xmm3, -128(%rbp)\n"   \
      "movups %xmm4, -144(%rbp)\nmovups %xmm5, -160(%rbp)\nmovups %xmm6, -176(%rbp)\nmovups %xmm7, -192(%rbp)\n" \
      "movq " self ", %rdi\nmovq " selector                                                                      \
      ", %rsi\ncall softmetal_find_method\nmovq %rax, %r11\n"                                                    \
      "movq -8(%rbp), %rdi\nmovq -16(%rbp), %rsi\nmovq -24(%rbp), %rdx\nmovq -32(%rbp), %rcx\n"                  \
      "movq -40(%rbp), %r8\nmovq -48(%rbp), %r9\nmovq -56(%rbp), %rax\n"                                         \
      "movups -80(%rbp), %xmm0\nmovups -96(%rbp), %xmm1\nmovups -112(%rbp), %xmm2\nmovups -128(%rbp), %xmm3\n"   \
      "movups -144(%rbp), %xmm4\nmovups -160(%rbp), %xmm5\nmovups -176(%rbp), %xmm6\nmovups -192(%rbp), %xmm7\n" \
      "leave\n.cfi_def_cfa %rsp, 8\n"                                                                            \
      "jmp *%r11\n"                                                                                              \
      ".cfi_endproc\n.size " name ",.-" name "\n")

SOFTMETAL_SEND("objc_msgSend", "-8(%rbp)", "-16(%rbp)");
SOFTMETAL_SEND("objc_msgSend_fpret", "-8(%rbp)", "-16(%rbp)");
SOFTMETAL_SEND("objc_msgSend_stret", "-16(%rbp)", "-24(%rbp)");

#elif defined(__aarch64__)

// Not run yet: there is no such machine in the project.
asm(R"(
.text
.p2align 4
.globl softmetal_nil
.hidden softmetal_nil
.type softmetal_nil,%function
softmetal_nil:
  mov x0, xzr
  mov x1, xzr
  movi v0.2d, #0
  movi v1.2d, #0
  ret
.size softmetal_nil,.-softmetal_nil

// Stores or loads every register that may hold an argument.
.macro softmetal_arguments pair, single
  \pair x0, x1, [sp]
  \pair x2, x3, [sp, #16]
  \pair x4, x5, [sp, #32]
  \pair x6, x7, [sp, #48]
  \single x8, [sp, #64]
  \pair q0, q1, [sp, #80]
  \pair q2, q3, [sp, #112]
  \pair q4, q5, [sp, #144]
  \pair q6, q7, [sp, #176]
.endm

.p2align 4
.globl objc_msgSend
.type objc_msgSend,%function
objc_msgSend:
  .cfi_startproc
  stp x29, x30, [sp, #-16]!
  .cfi_def_cfa_offset 16
  .cfi_offset 29, -16
  .cfi_offset 30, -8
  mov x29, sp
  .cfi_def_cfa_register 29
  sub sp, sp, #208
  softmetal_arguments stp, str
  bl softmetal_find_method
  mov x16, x0
  softmetal_arguments ldp, ldr
  mov sp, x29
  ldp x29, x30, [sp], #16
  br x16
  .cfi_endproc
.size objc_msgSend,.-objc_msgSend
)");

#else
#error "softmetal: message sending is written for x86-64 and arm64"
#endif

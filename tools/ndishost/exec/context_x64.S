/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* context_x64.S - stack switches of context.h between the System V and the Microsoft x64 calling convention. */
#include "context.h"

#define FLAG_TRAP 0x100

        .text
        .globl  context_doors_start
context_doors_start:

/* void context_switch_stack(uintptr_t *save, uintptr_t load) */
        .globl  context_switch_stack
        .type   context_switch_stack, @function
context_switch_stack:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        movq    %rsp, (%rdi)
        movq    %rsi, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .size   context_switch_stack, .-context_switch_stack

/* uint64_t context_call_image(context, function, count, slots, back) */
        .globl  context_call_image
        .type   context_call_image, @function
context_call_image:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        pushq   CONTEXT_HOST_SP(%rdi)
        pushq   CONTEXT_KERNEL_SP(%rdi)
        pushq   %r8                             /* ten words with the return address: 16-aligned */
        movq    %rsp, CONTEXT_HOST_SP(%rdi)

        /* Frame of the callee: at least the four home words, an even number of words. */
        movl    %edx, %r9d
        movl    $4, %eax
        cmpl    %eax, %r9d
        cmovbl  %eax, %r9d
        incl    %r9d
        andl    $-2, %r9d
        movq    CONTEXT_KERNEL_SP(%rdi), %rax
        andq    $-16, %rax
        movq    %rax, %rsp                      /* on the kernel stack from here */
        movq    %rax, IMAGE_RETURN_EXPECTED_SP(%r8) /* a store between switch and growth: memcheck sees both */
        shlq    $3, %r9
        subq    %r9, %rsp
        movl    %edx, %edx
        testq   %rdx, %rdx
        jz      2f
1:      movq    -8(%rcx,%rdx,8), %rax
        movq    %rax, -8(%rsp,%rdx,8)
        decq    %rdx
        jnz     1b
2:      movq    %rsp, IMAGE_RETURN_EXPECTED_SP(%r8)
        movq    %rsi, %r11
        movq    CONTEXT_STEP(%rdi), %r10

        /* Nonvolatile registers hold a pattern, so that a callee that does not preserve them is seen. */
        movl    $NONVOLATILE_PATTERN, %eax
        movq    %rax, %rbx
        movq    %rax, %rbp
        movq    %rax, %rsi
        movq    %rax, %rdi
        movq    %rax, %r12
        movq    %rax, %r13
        movq    %rax, %r14
        movq    %rax, %r15
        movd    %eax, %xmm6
        pshufd  $0, %xmm6, %xmm6
        movaps  %xmm6, %xmm7
        movaps  %xmm6, %xmm8
        movaps  %xmm6, %xmm9
        movaps  %xmm6, %xmm10
        movaps  %xmm6, %xmm11
        movaps  %xmm6, %xmm12
        movaps  %xmm6, %xmm13
        movaps  %xmm6, %xmm14
        movaps  %xmm6, %xmm15

        movq    (%rsp), %rcx
        movq    8(%rsp), %rdx
        movq    16(%rsp), %r8
        movq    24(%rsp), %r9
        testq   %r10, %r10
        jnz     4f
        call    *%r11

        /* Nothing is believed of the callee: the way back starts from the context. */
3:      cld
        movq    %rsp, %r11
        movq    %fs:context_current@tpoff, %r10
        movq    CONTEXT_HOST_SP(%r10), %rsp
        popq    %r8
        popq    CONTEXT_KERNEL_SP(%r10)
        popq    CONTEXT_HOST_SP(%r10)
        movq    %r11, IMAGE_RETURN_ACTUAL_SP(%r8)
        movq    %rbx, IMAGE_RETURN_REGISTERS+0(%r8)
        movq    %rbp, IMAGE_RETURN_REGISTERS+8(%r8)
        movq    %rsi, IMAGE_RETURN_REGISTERS+16(%r8)
        movq    %rdi, IMAGE_RETURN_REGISTERS+24(%r8)
        movq    %r12, IMAGE_RETURN_REGISTERS+32(%r8)
        movq    %r13, IMAGE_RETURN_REGISTERS+40(%r8)
        movq    %r14, IMAGE_RETURN_REGISTERS+48(%r8)
        movq    %r15, IMAGE_RETURN_REGISTERS+56(%r8)
        movups  %xmm6, IMAGE_RETURN_XMM+0(%r8)
        movups  %xmm7, IMAGE_RETURN_XMM+16(%r8)
        movups  %xmm8, IMAGE_RETURN_XMM+32(%r8)
        movups  %xmm9, IMAGE_RETURN_XMM+48(%r8)
        movups  %xmm10, IMAGE_RETURN_XMM+64(%r8)
        movups  %xmm11, IMAGE_RETURN_XMM+80(%r8)
        movups  %xmm12, IMAGE_RETURN_XMM+96(%r8)
        movups  %xmm13, IMAGE_RETURN_XMM+112(%r8)
        movups  %xmm14, IMAGE_RETURN_XMM+128(%r8)
        movups  %xmm15, IMAGE_RETURN_XMM+144(%r8)
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
4:      pushfq
        orl     $FLAG_TRAP, (%rsp)
        popfq                                   /* takes effect behind the call */
        call    *%r11
        jmp     3b
        .size   context_call_image, .-context_call_image

/*
 * From the thunk of an export, on the kernel stack: eax is its index. The arguments go to their home words, which makes them one
 * array with those on the stack; what System V does not preserve and Microsoft does is kept on the host stack.
 */
        .globl  context_export_entry
        .type   context_export_entry, @function
context_export_entry:
        movq    %rcx, 8(%rsp)
        movq    %rdx, 16(%rsp)
        movq    %r8, 24(%rsp)
        movq    %r9, 32(%rsp)
        movq    %fs:context_current@tpoff, %r10
        movq    %rsp, %r11
        movq    CONTEXT_HOST_SP(%r10), %rsp
        movq    %r11, CONTEXT_KERNEL_SP(%r10)   /* a store between switch and growth: memcheck sees both */
        subq    $192, %rsp
        movaps  %xmm6, 0(%rsp)
        movaps  %xmm7, 16(%rsp)
        movaps  %xmm8, 32(%rsp)
        movaps  %xmm9, 48(%rsp)
        movaps  %xmm10, 64(%rsp)
        movaps  %xmm11, 80(%rsp)
        movaps  %xmm12, 96(%rsp)
        movaps  %xmm13, 112(%rsp)
        movaps  %xmm14, 128(%rsp)
        movaps  %xmm15, 144(%rsp)
        movq    %rdi, 160(%rsp)
        movq    %rsi, 168(%rsp)
        movq    %r11, 176(%rsp)
        movl    %eax, %edi
        movq    %r11, %rsi
        call    export_dispatch
        movaps  0(%rsp), %xmm6
        movaps  16(%rsp), %xmm7
        movaps  32(%rsp), %xmm8
        movaps  48(%rsp), %xmm9
        movaps  64(%rsp), %xmm10
        movaps  80(%rsp), %xmm11
        movaps  96(%rsp), %xmm12
        movaps  112(%rsp), %xmm13
        movaps  128(%rsp), %xmm14
        movaps  144(%rsp), %xmm15
        movq    160(%rsp), %rdi
        movq    168(%rsp), %rsi
        movq    %fs:context_current@tpoff, %r10
        movq    176(%rsp), %rsp
        cmpq    $0, CONTEXT_STEP(%r10)
        jnz     1f
        ret
1:      pushfq
        orl     $FLAG_TRAP, (%rsp)
        popfq                                   /* takes effect behind the return */
        ret
        .size   context_export_entry, .-context_export_entry

/*
 * The signal handler sends a faulting image here: every register but rsp and rip still holds the image's value, rsp is at a
 * trap_frame on the host stack. The image goes on through its own stack below rsp, which kernel code does not use.
 */
        .globl  context_trap_entry
        .type   context_trap_entry, @function
context_trap_entry:
        movq    %rax, TRAP_FRAME_REGISTERS+0(%rsp)
        movq    %rcx, TRAP_FRAME_REGISTERS+8(%rsp)
        movq    %rdx, TRAP_FRAME_REGISTERS+16(%rsp)
        movq    %rbx, TRAP_FRAME_REGISTERS+24(%rsp)
        movq    %rbp, TRAP_FRAME_REGISTERS+40(%rsp)
        movq    %rsi, TRAP_FRAME_REGISTERS+48(%rsp)
        movq    %rdi, TRAP_FRAME_REGISTERS+56(%rsp)
        movq    %r8, TRAP_FRAME_REGISTERS+64(%rsp)
        movq    %r9, TRAP_FRAME_REGISTERS+72(%rsp)
        movq    %r10, TRAP_FRAME_REGISTERS+80(%rsp)
        movq    %r11, TRAP_FRAME_REGISTERS+88(%rsp)
        movq    %r12, TRAP_FRAME_REGISTERS+96(%rsp)
        movq    %r13, TRAP_FRAME_REGISTERS+104(%rsp)
        movq    %r14, TRAP_FRAME_REGISTERS+112(%rsp)
        movq    %r15, TRAP_FRAME_REGISTERS+120(%rsp)
        pushfq
        popq    TRAP_FRAME_FLAGS(%rsp)
        cld
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps  %xmm\n, TRAP_FRAME_XMM+16*\n(%rsp)
        .endr
        movq    %rsp, %rdi
        call    trap_dispatch
        movq    %rsp, %rdi
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movaps  TRAP_FRAME_XMM+16*\n(%rdi), %xmm\n
        .endr
        testl   $FLAG_TRAP, TRAP_FRAME_FLAGS(%rdi)
        jnz     1f
        movq    TRAP_FRAME_REGISTERS+0(%rdi), %rax
        movq    TRAP_FRAME_REGISTERS+8(%rdi), %rcx
        movq    TRAP_FRAME_REGISTERS+16(%rdi), %rdx
        movq    TRAP_FRAME_REGISTERS+24(%rdi), %rbx
        movq    TRAP_FRAME_REGISTERS+40(%rdi), %rbp
        movq    TRAP_FRAME_REGISTERS+48(%rdi), %rsi
        movq    TRAP_FRAME_REGISTERS+64(%rdi), %r8
        movq    TRAP_FRAME_REGISTERS+72(%rdi), %r9
        movq    TRAP_FRAME_REGISTERS+80(%rdi), %r10
        movq    TRAP_FRAME_REGISTERS+88(%rdi), %r11
        movq    TRAP_FRAME_REGISTERS+96(%rdi), %r12
        movq    TRAP_FRAME_REGISTERS+104(%rdi), %r13
        movq    TRAP_FRAME_REGISTERS+112(%rdi), %r14
        movq    TRAP_FRAME_REGISTERS+120(%rdi), %r15
        movq    TRAP_FRAME_REGISTERS+32(%rdi), %rsp
        pushq   TRAP_FRAME_IP(%rdi)
        pushq   TRAP_FRAME_FLAGS(%rdi)
        movq    TRAP_FRAME_REGISTERS+56(%rdi), %rdi
        popfq
        ret

        /* To be stopped behind one instruction of the image: only iretq sets the flags and goes there at once. */
1:      movq    TRAP_FRAME_IP(%rdi), %rax
        movq    %rax, TRAP_FRAME_RETURN(%rdi)
        movl    %cs, %eax
        movq    %rax, TRAP_FRAME_RETURN+8(%rdi)
        movq    TRAP_FRAME_FLAGS(%rdi), %rax
        movq    %rax, TRAP_FRAME_RETURN+16(%rdi)
        movq    TRAP_FRAME_REGISTERS+32(%rdi), %rax
        movq    %rax, TRAP_FRAME_RETURN+24(%rdi)
        movl    %ss, %eax
        movq    %rax, TRAP_FRAME_RETURN+32(%rdi)
        movq    TRAP_FRAME_REGISTERS+0(%rdi), %rax
        movq    TRAP_FRAME_REGISTERS+8(%rdi), %rcx
        movq    TRAP_FRAME_REGISTERS+16(%rdi), %rdx
        movq    TRAP_FRAME_REGISTERS+24(%rdi), %rbx
        movq    TRAP_FRAME_REGISTERS+40(%rdi), %rbp
        movq    TRAP_FRAME_REGISTERS+48(%rdi), %rsi
        movq    TRAP_FRAME_REGISTERS+64(%rdi), %r8
        movq    TRAP_FRAME_REGISTERS+72(%rdi), %r9
        movq    TRAP_FRAME_REGISTERS+80(%rdi), %r10
        movq    TRAP_FRAME_REGISTERS+88(%rdi), %r11
        movq    TRAP_FRAME_REGISTERS+96(%rdi), %r12
        movq    TRAP_FRAME_REGISTERS+104(%rdi), %r13
        movq    TRAP_FRAME_REGISTERS+112(%rdi), %r14
        movq    TRAP_FRAME_REGISTERS+120(%rdi), %r15
        leaq    TRAP_FRAME_RETURN(%rdi), %rsp
        movq    TRAP_FRAME_REGISTERS+56(%rdi), %rdi
        iretq
        .size   context_trap_entry, .-context_trap_entry
        .globl  context_doors_end
context_doors_end:

        .section .note.GNU-stack, "", @progbits

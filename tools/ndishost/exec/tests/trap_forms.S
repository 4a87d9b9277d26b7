/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * trap_forms.S - image functions of one instruction each. Each loads every register from a struct state, executes the instruction, and
 * stores every register back; so the same instruction can be run on memory and on a device and the outcomes compared.
 * Registers: rbx (ebx) is the address, rsi a small index, rdi and rsi the addresses of string instructions, rcx their count.
 */
#include "trap_forms.h"

#if defined(__x86_64__)
#define WORD .quad
        .macro  ENTER
        pushq   %rbx
        pushq   %rbp
        pushq   %rsi
        pushq   %rdi
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $160, %rsp
        .irp    n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  %xmm\n, 16*(\n-6)(%rsp)
        .endr
        pushq   %rcx
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  STATE_XMM+16*\n(%rcx), %xmm\n
        .endr
        pushq   STATE_FLAGS(%rcx)
        movq    0(%rcx), %rax
        movq    16(%rcx), %rdx
        movq    24(%rcx), %rbx
        movq    40(%rcx), %rbp
        movq    48(%rcx), %rsi
        movq    56(%rcx), %rdi
        movq    64(%rcx), %r8
        movq    72(%rcx), %r9
        movq    80(%rcx), %r10
        movq    88(%rcx), %r11
        movq    96(%rcx), %r12
        movq    104(%rcx), %r13
        movq    112(%rcx), %r14
        movq    120(%rcx), %r15
        movq    8(%rcx), %rcx
        popfq
        .endm
        .macro  LEAVE
        pushfq
        pushq   %rax
        movq    16(%rsp), %rax
        movq    %rcx, 8(%rax)
        movq    %rdx, 16(%rax)
        movq    %rbx, 24(%rax)
        movq    %rbp, 40(%rax)
        movq    %rsi, 48(%rax)
        movq    %rdi, 56(%rax)
        movq    %r8, 64(%rax)
        movq    %r9, 72(%rax)
        movq    %r10, 80(%rax)
        movq    %r11, 88(%rax)
        movq    %r12, 96(%rax)
        movq    %r13, 104(%rax)
        movq    %r14, 112(%rax)
        movq    %r15, 120(%rax)
        popq    0(%rax)
        popq    STATE_FLAGS(%rax)
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  %xmm\n, STATE_XMM+16*\n(%rax)
        .endr
        cld
        popq    %rcx
        .irp    n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  16*(\n-6)(%rsp), %xmm\n
        .endr
        addq    $160, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rdi
        popq    %rsi
        popq    %rbp
        popq    %rbx
        ret
        .endm
#else
#define WORD .long
        .macro  ENTER
        movl    4(%esp), %ecx
        pushl   %ebx
        pushl   %ebp
        pushl   %esi
        pushl   %edi
        pushl   %ecx
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movups  STATE_XMM+16*\n(%ecx), %xmm\n
        .endr
        pushl   STATE_FLAGS(%ecx)
        movl    0(%ecx), %eax
        movl    8(%ecx), %edx
        movl    12(%ecx), %ebx
        movl    20(%ecx), %ebp
        movl    24(%ecx), %esi
        movl    28(%ecx), %edi
        movl    4(%ecx), %ecx
        popfl
        .endm
        .macro  LEAVE
        pushfl
        pushl   %eax
        movl    8(%esp), %eax
        movl    %ecx, 4(%eax)
        movl    %edx, 8(%eax)
        movl    %ebx, 12(%eax)
        movl    %ebp, 20(%eax)
        movl    %esi, 24(%eax)
        movl    %edi, 28(%eax)
        popl    0(%eax)
        popl    STATE_FLAGS(%eax)
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movups  %xmm\n, STATE_XMM+16*\n(%eax)
        .endr
        cld
        popl    %ecx
        popl    %edi
        popl    %esi
        popl    %ebp
        popl    %ebx
        ret     $4
        .endm
#endif

        .macro  FORM undefined, reads, writes, width, text
        .text
1:      ENTER
        \text
        LEAVE
        .section .rodata.text, "a"
2:      .asciz  "\text"
        .section .data.rel.ro.forms, "aw"
        WORD    2b, 1b, \undefined, \reads, \writes, \width
        .endm

        .section .data.rel.ro.forms, "aw"
        .globl  trap_forms
trap_forms:

#if defined(__x86_64__)
#define M(displacement) displacement(%rbx)
#define SI (%rbx,%rsi,4)
#define SI8 8(%rbx,%rsi,8)
#else
#define M(displacement) displacement(%ebx)
#define SI (%ebx,%esi,4)
#define SI8 8(%ebx,%esi,8)
#endif
/* The addresses differ between the machines: they are expanded before the text becomes a string. */
#define F_(undefined, reads, writes, width, ...) FORM undefined, reads, writes, width, #__VA_ARGS__
#define F(undefined, reads, writes, width, ...)  F_(undefined, reads, writes, width, __VA_ARGS__)

/* ---- mov ---- */
        F(0, 1, 0, 1, movb M(3), %cl)
        F(0, 1, 0, 1, movb M(0), %ah)
        F(0, 1, 0, 1, movb M(0), %ch)
        F(0, 1, 0, 2, movw M(2), %dx)
        F(0, 1, 0, 4, movl M(4), %eax)
        F(0, 1, 0, 4, movl SI, %ebp)
        F(0, 1, 0, 4, movl SI8, %edi)
        F(0, 1, 0, 4, movl M(4), %ebx)
        F(0, 0, 1, 1, movb %al, M(1))
        F(0, 0, 1, 1, movb %dh, M(1))
        F(0, 0, 1, 2, movw %cx, M(6))
        F(0, 0, 1, 4, movl %edx, M(8))
        F(0, 0, 1, 4, movl %esi, SI)
        F(0, 0, 1, 1, movb $0x5a, M(0))
        F(0, 0, 1, 2, movw $0xfedc, M(2))
        F(0, 0, 1, 4, movl $0x89abcdef, M(4))
/* ---- widening ---- */
        F(0, 1, 0, 1, movzbl M(0), %eax)
        F(0, 1, 0, 1, movzbw M(1), %cx)
        F(0, 1, 0, 2, movzwl M(2), %edx)
        F(0, 1, 0, 1, movsbl M(0), %eax)
        F(0, 1, 0, 1, movsbw M(1), %dx)
        F(0, 1, 0, 2, movswl M(2), %ecx)
/* ---- exchange ---- */
        F(0, 1, 1, 1, xchgb %al, M(0))
        F(0, 1, 1, 2, xchgw %dx, M(2))
        F(0, 1, 1, 4, xchgl %ecx, M(4))
        F(0, 1, 1, 4, lock xaddl %eax, M(4))
        F(0, 1, 1, 1, xaddb %dl, M(0))
        F(0, 1, 0, 4, cmpxchgl %ecx, M(4))
        F(0, 2, 1, 4, movl M(0), %eax; cmpxchgl %ecx, M(0))
/* ---- arithmetic with a register as destination ---- */
        .irp    op, add, adc, sub, sbb
        F(0, 1, 0, 1, \op\()b M(0), %al)
        F(0, 1, 0, 2, \op\()w M(2), %cx)
        F(0, 1, 0, 4, \op\()l M(4), %edx)
        F(0, 1, 1, 1, \op\()b %cl, M(0))
        F(0, 1, 1, 2, \op\()w %ax, M(2))
        F(0, 1, 1, 4, \op\()l %edx, M(4))
        F(0, 1, 1, 1, \op\()b $0x81, M(0))
        F(0, 1, 1, 2, \op\()w $0x7fff, M(2))
        F(0, 1, 1, 4, \op\()l $-2, M(4))
        F(0, 1, 1, 4, \op\()l $0x12345678, M(8))
        .endr
        .irp    op, and, or, xor
        F(UNDEFINED_LOGIC, 1, 0, 1, \op\()b M(0), %ah)
        F(UNDEFINED_LOGIC, 1, 0, 2, \op\()w M(2), %dx)
        F(UNDEFINED_LOGIC, 1, 0, 4, \op\()l M(4), %ecx)
        F(UNDEFINED_LOGIC, 1, 1, 1, \op\()b %dl, M(0))
        F(UNDEFINED_LOGIC, 1, 1, 2, \op\()w %cx, M(2))
        F(UNDEFINED_LOGIC, 1, 1, 4, \op\()l %eax, M(4))
        F(UNDEFINED_LOGIC, 1, 1, 1, \op\()b $4, M(0))
        F(UNDEFINED_LOGIC, 1, 1, 2, \op\()w $0xff0f, M(2))
        F(UNDEFINED_LOGIC, 1, 1, 4, \op\()l $-16, M(4))
        .endr
        F(0, 1, 0, 1, cmpb $0x80, M(0))
        F(0, 1, 0, 1, cmpb $0, M(0))
        F(0, 1, 0, 2, cmpw $-1, M(2))
        F(0, 1, 0, 4, cmpl $0x1af4, M(4))
        F(0, 1, 0, 4, cmpl %eax, M(4))
        F(0, 1, 0, 4, cmpl M(4), %ecx)
        F(0, 1, 0, 1, cmpb %dl, M(0))
        F(UNDEFINED_LOGIC, 1, 0, 1, testb $0x40, M(0))
        F(UNDEFINED_LOGIC, 1, 0, 2, testw $0x8001, M(2))
        F(UNDEFINED_LOGIC, 1, 0, 4, testl $0x80000000, M(4))
        F(UNDEFINED_LOGIC, 1, 0, 4, testl %edx, M(4))
        F(0, 1, 1, 1, notb M(0))
        F(0, 1, 1, 4, notl M(4))
        F(0, 1, 1, 1, negb M(0))
        F(0, 1, 1, 2, negw M(2))
        F(0, 1, 1, 4, negl M(4))
        F(0, 1, 1, 1, incb M(0))
        F(0, 1, 1, 4, incl M(4))
        F(0, 1, 1, 2, decw M(2))
        F(0, 1, 1, 4, lock decl M(4))
        F(UNDEFINED_MULTIPLY, 1, 0, 4, imull M(4), %ecx)
        F(UNDEFINED_MULTIPLY, 1, 0, 4, imull $1000, M(4), %edx)
        F(UNDEFINED_MULTIPLY, 1, 0, 2, imulw $-3, M(2), %ax)
/* ---- bits ---- */
        F(UNDEFINED_BIT, 1, 0, 4, btl $5, M(4))
        F(UNDEFINED_BIT, 1, 0, 2, btw $17, M(2))
        F(UNDEFINED_BIT, 1, 0, 4, btl %esi, M(0))
        F(UNDEFINED_BIT, 1, 1, 4, btsl $31, M(4))
        F(UNDEFINED_BIT, 1, 1, 4, btrl $0, M(4))
        F(UNDEFINED_BIT, 1, 1, 4, lock btcl $7, M(4))
/* ---- conditional ---- */
        .irp    condition, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
        F(0, 1, 0, 4, cmov\condition\()l M(4), %eax)
        F(0, 0, 1, 1, set\condition\()b M(0))
        .endr
/* ---- strings; a count of 3 to 6 stands in rcx ---- */
        F(0, 1, 1, 1, movsb)
        F(0, 1, 1, 4, movsl)
        F(0, 0, 1, 1, stosb)
        F(0, 0, 1, 2, stosw)
        F(0, 0, 1, 4, stosl)
        F(0, 1, 0, 1, lodsb)
        F(0, 1, 0, 2, lodsw)
        F(0, 1, 0, 4, lodsl)
        F(0, 0, 0, 0, rep movsb)
        F(0, 0, 0, 0, rep movsw)
        F(0, 0, 0, 0, rep movsl)
        F(0, 0, 0, 0, rep stosb)
        F(0, 0, 0, 0, rep stosl)
        F(0, 0, 0, 0, rep lodsl)
        F(0, 0, 0, 0, repe cmpsb)
        F(0, 0, 0, 0, repne cmpsl)
        F(0, 0, 0, 0, repne scasb)
        F(0, 0, 0, 0, repe scasl)
        F(0, 0, 0, 0, std; rep stosb)
        F(0, 0, 0, 0, std; rep movsl)
        F(0, 2, 0, 0, cmpsl)
        F(0, 1, 0, 1, scasb)
/* ---- SSE, up to 8 bytes ---- */
        F(0, 1, 0, 4, movd M(4), %xmm3)
        F(0, 0, 1, 4, movd %xmm2, M(4))
        F(0, 1, 0, 8, movq M(8), %xmm1)
        F(0, 0, 1, 8, movq %xmm1, M(8))
        F(0, 1, 0, 4, movss M(4), %xmm5)
        F(0, 0, 1, 4, movss %xmm5, M(4))
        F(0, 1, 0, 8, movsd M(8), %xmm4)
        F(0, 0, 1, 8, movsd %xmm4, M(8))
        F(0, 1, 0, 8, movlps M(8), %xmm0)
        F(0, 1, 0, 8, movhps M(8), %xmm0)
        F(0, 0, 1, 8, movhps %xmm7, M(8))
        F(0, 0, 1, 4, movntil %eax, M(4))
#if defined(__x86_64__)
/* ---- 64-bit operands and the registers r8 to r15 ---- */
        F(0, 1, 0, 8, movq M(8), %rax)
        F(0, 1, 0, 8, movq M(8), %r12)
        F(0, 1, 0, 4, movl M(4), %r9d)
        F(0, 1, 0, 2, movw M(2), %r15w)
        F(0, 1, 0, 1, movb M(0), %r14b)
        F(0, 1, 0, 1, movb M(0), %sil)
        F(0, 1, 0, 4, movl 4(%rbx,%r13), %r10d)
        F(0, 0, 1, 8, movq %rdx, M(8))
        F(0, 0, 1, 8, movq %r15, M(8))
        F(0, 0, 1, 8, movq $-3, M(8))
        F(0, 0, 1, 1, movb %dil, M(0))
        F(0, 0, 1, 4, movl %r8d, M(4))
        F(0, 1, 0, 1, movzbl M(0), %r11d)
        F(0, 1, 0, 1, movzbq M(0), %rax)
        F(0, 1, 0, 2, movzwq M(2), %r8)
        F(0, 1, 0, 1, movsbq M(0), %rcx)
        F(0, 1, 0, 2, movswq M(2), %rdx)
        F(0, 1, 0, 4, movslq M(4), %r9)
        F(0, 1, 1, 8, xchgq %r10, M(8))
        F(0, 1, 1, 8, addq %rax, M(8))
        F(0, 1, 1, 8, sbbq $5, M(8))
        F(0, 1, 0, 8, cmpq M(8), %rdx)
        F(0, 1, 0, 8, cmpq $-1, M(8))
        F(UNDEFINED_LOGIC, 1, 1, 8, orq $0x40000000, M(8))
        F(UNDEFINED_LOGIC, 1, 0, 8, testq %r11, M(8))
        F(0, 1, 1, 8, negq M(8))
        F(0, 1, 1, 8, incq M(8))
        F(UNDEFINED_MULTIPLY, 1, 0, 8, imulq M(8), %rcx)
        F(UNDEFINED_BIT, 1, 0, 8, btq $63, M(8))
        F(0, 1, 0, 8, cmovaq M(8), %rbp)
        F(0, 1, 0, 4, cmovel M(4), %r13d)
        F(0, 1, 0, 8, lodsq)
        F(0, 0, 1, 8, stosq)
        F(0, 0, 0, 0, rep movsq)
        F(0, 1, 0, 8, movq M(8), %xmm11)
        F(0, 0, 1, 8, movq %xmm14, M(8))
        F(0, 1, 0, 8, pushq M(8); popq %rdx)
        F(0, 0, 1, 8, pushq %rdx; popq M(8))
#else
        F(0, 1, 0, 4, pushl M(4); popl %edx)
        F(0, 0, 1, 4, pushl %edx; popl M(4))
#endif

        .section .data.rel.ro.forms, "aw"
        .globl  trap_forms_end
trap_forms_end:
        .section .note.GNU-stack, "", @progbits

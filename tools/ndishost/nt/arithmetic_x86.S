/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arithmetic_x86.S - 64-bit helpers for x86 code, run on the image's own stack.
 *   _alldiv, _aulldiv, _alldvrm, _aulldvrm, _allrem, _aullrem, _allmul: dividend (factor) at 4(%esp), divisor at 12(%esp); callee pops 16;
 *   result edx:eax, and for *dvrm the remainder in ebx:ecx (high:low). _allshl, _allshr, _aullshr: edx:eax by cl.
 * Only eax, ecx, edx may change, and ebx where it is a result.
 */
        .text

/*
 * Unsigned division of edx:eax by ebx:ecx (ebx:ecx not 0): quotient in edx:eax, remainder in ebx:ecx. Changes esi, edi.
 * Schoolbook by bits: 64 rounds of shift, compare and subtract; correct before fast.
 */
divide_unsigned:
        pushl   %ebp
        pushl   %ebx                    /* divisor high at 4(%esp), low at (%esp) */
        pushl   %ecx
        xorl    %esi, %esi              /* remainder esi (low), edi (high) */
        xorl    %edi, %edi
        movl    $64, %ebp
1:      addl    %eax, %eax
        adcl    %edx, %edx
        adcl    %esi, %esi
        adcl    %edi, %edi
        jc      2f                      /* the 65th bit: bigger than any divisor */
        cmpl    4(%esp), %edi
        jb      3f
        ja      2f
        cmpl    (%esp), %esi
        jb      3f
2:      subl    (%esp), %esi
        sbbl    4(%esp), %edi
        incl    %eax
3:      decl    %ebp
        jnz     1b
        movl    %esi, %ecx
        movl    %edi, %ebx
        addl    $8, %esp
        popl    %ebp
        ret

        .macro  negate high, low
        negl    \high
        negl    \low
        sbbl    $0, \high
        .endm

/* Division by zero faults as `div` does, in this code. */
        .macro  load_unsigned
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    16(%esp), %eax
        movl    20(%esp), %edx
        movl    24(%esp), %ecx
        movl    28(%esp), %ebx
        movl    %ecx, %esi
        orl     %ebx, %esi
        jnz     9f
        divl    %esi
9:
        .endm

/* Makes both operands positive; the signs to restore are pushed: (%esp) of the remainder, 4(%esp) of the quotient. */
        .macro  load_signed
        load_unsigned
        movl    %edx, %esi
        xorl    %ebx, %esi
        pushl   %esi
        pushl   %edx
        testl   %edx, %edx
        jns     7f
        negate  %edx, %eax
7:      testl   %ebx, %ebx
        jns     8f
        negate  %ebx, %ecx
8:
        .endm

        .macro  leave_division
        popl    %edi
        popl    %esi
        popl    %ebx
        ret     $16
        .endm

        .globl  arithmetic_aulldiv
arithmetic_aulldiv:
        load_unsigned
        call    divide_unsigned
        leave_division

        .globl  arithmetic_aullrem
arithmetic_aullrem:
        load_unsigned
        call    divide_unsigned
        movl    %ecx, %eax
        movl    %ebx, %edx
        leave_division

        .globl  arithmetic_aulldvrm
arithmetic_aulldvrm:
        load_unsigned
        call    divide_unsigned
        popl    %edi
        popl    %esi
        addl    $4, %esp                /* ebx is a result */
        ret     $16

        .globl  arithmetic_alldiv
arithmetic_alldiv:
        load_signed
        call    divide_unsigned
        testl   $0x80000000, 4(%esp)
        jz      1f
        negate  %edx, %eax
1:      addl    $8, %esp
        leave_division

        .globl  arithmetic_allrem
arithmetic_allrem:
        load_signed
        call    divide_unsigned
        movl    %ecx, %eax
        movl    %ebx, %edx
        testl   $0x80000000, (%esp)
        jz      1f
        negate  %edx, %eax
1:      addl    $8, %esp
        leave_division

        .globl  arithmetic_alldvrm
arithmetic_alldvrm:
        load_signed
        call    divide_unsigned
        testl   $0x80000000, 4(%esp)
        jz      1f
        negate  %edx, %eax
1:      testl   $0x80000000, (%esp)
        jz      2f
        negate  %ebx, %ecx
2:      addl    $8, %esp
        popl    %edi
        popl    %esi
        addl    $4, %esp
        ret     $16

        .globl  arithmetic_allmul
arithmetic_allmul:
        movl    4(%esp), %eax
        mull    16(%esp)                /* low * high */
        movl    %eax, %ecx
        movl    8(%esp), %eax
        mull    12(%esp)                /* high * low */
        addl    %eax, %ecx
        movl    4(%esp), %eax
        mull    12(%esp)
        addl    %ecx, %edx
        ret     $16

        .globl  arithmetic_allshl
arithmetic_allshl:
        cmpb    $64, %cl
        jae     2f
        cmpb    $32, %cl
        jae     1f
        shldl   %cl, %eax, %edx
        shll    %cl, %eax
        ret
1:      movl    %eax, %edx
        xorl    %eax, %eax
        shll    %cl, %edx               /* by cl modulo 32 */
        ret
2:      xorl    %eax, %eax
        xorl    %edx, %edx
        ret

        .globl  arithmetic_allshr
arithmetic_allshr:
        cmpb    $64, %cl
        jae     2f
        cmpb    $32, %cl
        jae     1f
        shrdl   %cl, %edx, %eax
        sarl    %cl, %edx
        ret
1:      movl    %edx, %eax
        sarl    $31, %edx
        sarl    %cl, %eax
        ret
2:      sarl    $31, %edx
        movl    %edx, %eax
        ret

        .globl  arithmetic_aullshr
arithmetic_aullshr:
        cmpb    $64, %cl
        jae     2f
        cmpb    $32, %cl
        jae     1f
        shrdl   %cl, %edx, %eax
        shrl    %cl, %edx
        ret
1:      movl    %edx, %eax
        xorl    %edx, %edx
        shrl    %cl, %eax
        ret
2:      xorl    %eax, %eax
        xorl    %edx, %edx
        ret

        .section .note.GNU-stack, "", @progbits

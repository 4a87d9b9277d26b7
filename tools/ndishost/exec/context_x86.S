/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* context_x86.S - stack switches of context.h; Windows' x86 conventions preserve the same registers as System V i386. */
#include "context.h"

#define FLAG_TRAP 0x100

        .text
        .globl  context_doors_start
context_doors_start:

/* void context_switch_stack(uintptr_t *save, uintptr_t load) */
        .globl  context_switch_stack
        .type   context_switch_stack, @function
context_switch_stack:
        movl    4(%esp), %eax
        movl    8(%esp), %ecx
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi
        movl    %esp, (%eax)
        movl    %ecx, %esp
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
        .size   context_switch_stack, .-context_switch_stack

/* uint64_t context_call_image(context, function, count, slots, back) */
        .globl  context_call_image
        .type   context_call_image, @function
context_call_image:
        pushl   %ebp
        pushl   %ebx
        pushl   %esi
        pushl   %edi                            /* arguments from 20(%esp) */
        movl    20(%esp), %edi                  /* context */
        movl    24(%esp), %eax                  /* function */
        movl    28(%esp), %ecx                  /* count */
        movl    32(%esp), %esi                  /* slots */
        movl    36(%esp), %ebx                  /* back */
        movl    %esp, %ebp
        andl    $-16, %esp
        pushl   %ebp                            /* four words: 16-aligned again */
        pushl   CONTEXT_HOST_SP(%edi)
        pushl   CONTEXT_KERNEL_SP(%edi)
        pushl   %ebx
        movl    %esp, CONTEXT_HOST_SP(%edi)

        movl    CONTEXT_KERNEL_SP(%edi), %edx
        andl    $-16, %edx
        movl    %edx, %esp                      /* on the kernel stack from here */
        movl    %edx, IMAGE_RETURN_EXPECTED_SP(%ebx)
        testl   %ecx, %ecx
        jz      2f
1:      pushl   -4(%esi,%ecx,4)
        decl    %ecx
        jnz     1b

        /* Nonvolatile registers hold a pattern, so that a callee that does not preserve them is seen. */
2:      movl    CONTEXT_STEP(%edi), %ecx
        movl    $NONVOLATILE_PATTERN, %ebx
        movl    %ebx, %ebp
        movl    %ebx, %esi
        movl    %ebx, %edi
        testl   %ecx, %ecx
        jz      3f
        pushfl
        orl     $FLAG_TRAP, (%esp)
        popfl                                   /* takes effect behind the call */
3:      call    *%eax

        /* Nothing is believed of the callee: the way back starts from the context. */
        cld
        movl    %gs:context_current@ntpoff, %ecx
        xchgl   %ecx, %ebp                      /* ebp: context, ecx: the callee's ebp */
        pushl   %eax
        pushl   %edx                            /* room on the kernel stack below esp is free */
        leal    8(%esp), %eax                   /* esp as the callee left it */
        movl    CONTEXT_HOST_SP(%ebp), %edx
        movl    (%edx), %edx                    /* back */
        movl    %eax, IMAGE_RETURN_ACTUAL_SP(%edx)
        movl    %ebx, IMAGE_RETURN_REGISTERS+0(%edx)
        movl    %ecx, IMAGE_RETURN_REGISTERS+4(%edx)
        movl    %esi, IMAGE_RETURN_REGISTERS+8(%edx)
        movl    %edi, IMAGE_RETURN_REGISTERS+12(%edx)
        popl    %edx
        popl    %eax
        movl    CONTEXT_HOST_SP(%ebp), %esp
        addl    $4, %esp
        popl    CONTEXT_KERNEL_SP(%ebp)
        popl    CONTEXT_HOST_SP(%ebp)
        popl    %esp
        popl    %edi
        popl    %esi
        popl    %ebx
        popl    %ebp
        ret
        .size   context_call_image, .-context_call_image

/*
 * From the thunk of an export, on the kernel stack: eax is its index, ecx and edx are arguments of fastcall exports.
 * export_dispatch() sees the words ecx, edx, return address, arguments, and says how many bytes to pop.
 */
        .globl  context_export_entry
        .type   context_export_entry, @function
context_export_entry:
        pushl   %edx
        pushl   %ecx
        movl    %gs:context_current@ntpoff, %ecx
        movl    %esp, %edx
        movl    %edx, CONTEXT_KERNEL_SP(%ecx)
        movl    CONTEXT_HOST_SP(%ecx), %esp
        subl    $32, %esp
        movl    %eax, 0(%esp)
        movl    %edx, 4(%esp)
        leal    16(%esp), %eax
        movl    %eax, 8(%esp)
        movl    %edx, 20(%esp)
        call    export_dispatch
        movl    16(%esp), %ecx
        movl    20(%esp), %esp
        addl    $8, %esp
        popl    -4(%esp,%ecx)                   /* the return address moves up over the popped arguments */
        leal    -4(%esp,%ecx), %esp
        movl    %gs:context_current@ntpoff, %ecx
        cmpl    $0, CONTEXT_STEP(%ecx)
        jnz     1f
        ret
1:      pushfl
        orl     $FLAG_TRAP, (%esp)
        popfl                                   /* takes effect behind the return */
        ret
        .size   context_export_entry, .-context_export_entry

/* See context_x64.S. */
        .globl  context_trap_entry
        .type   context_trap_entry, @function
context_trap_entry:
        movl    %eax, TRAP_FRAME_REGISTERS+0(%esp)
        movl    %ecx, TRAP_FRAME_REGISTERS+4(%esp)
        movl    %edx, TRAP_FRAME_REGISTERS+8(%esp)
        movl    %ebx, TRAP_FRAME_REGISTERS+12(%esp)
        movl    %ebp, TRAP_FRAME_REGISTERS+20(%esp)
        movl    %esi, TRAP_FRAME_REGISTERS+24(%esp)
        movl    %edi, TRAP_FRAME_REGISTERS+28(%esp)
        pushfl
        popl    TRAP_FRAME_FLAGS(%esp)
        cld
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movaps  %xmm\n, TRAP_FRAME_XMM+16*\n(%esp)
        .endr
        movl    %esp, %eax
        subl    $16, %esp
        movl    %eax, (%esp)
        call    trap_dispatch
        addl    $16, %esp
        movl    %esp, %edi
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7
        movaps  TRAP_FRAME_XMM+16*\n(%edi), %xmm\n
        .endr
        movl    TRAP_FRAME_REGISTERS+0(%edi), %eax
        movl    TRAP_FRAME_REGISTERS+4(%edi), %ecx
        movl    TRAP_FRAME_REGISTERS+8(%edi), %edx
        movl    TRAP_FRAME_REGISTERS+12(%edi), %ebx
        movl    TRAP_FRAME_REGISTERS+20(%edi), %ebp
        movl    TRAP_FRAME_REGISTERS+24(%edi), %esi
        movl    TRAP_FRAME_REGISTERS+16(%edi), %esp
        testl   $FLAG_TRAP, TRAP_FRAME_FLAGS(%edi)
        jnz     1f
        pushl   TRAP_FRAME_IP(%edi)
        pushl   TRAP_FRAME_FLAGS(%edi)
        movl    TRAP_FRAME_REGISTERS+28(%edi), %edi
        popfl
        ret

        /* To be stopped behind one instruction of the image: only iret sets the flags and goes there at once. */
1:      pushl   TRAP_FRAME_FLAGS(%edi)
        pushl   %cs
        pushl   TRAP_FRAME_IP(%edi)
        movl    TRAP_FRAME_REGISTERS+28(%edi), %edi
        iretl
        .size   context_trap_entry, .-context_trap_entry
        .globl  context_doors_end
context_doors_end:

        .section .note.GNU-stack, "", @progbits

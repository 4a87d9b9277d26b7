/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_private.h - what the files of the trap module share: the instruction at a trap, its operands, and where its accesses go. */
#ifndef NDISHOST_EXEC_TRAP_PRIVATE_H
#define NDISHOST_EXEC_TRAP_PRIVATE_H

#include "context.h"
#include "trap.h"

#include <Zydis/Zydis.h>

/* One instruction of the image being emulated. */
struct trap {
    struct trap_frame *frame;
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    uint8_t bytes[ZYDIS_MAX_INSTRUCTION_LENGTH];
    char text[96]; /* for reports; made by trap_text() */
};

/* ---- trap_decode.c ---- */
bool trap_decode(struct trap *trap, struct trap_frame *frame); /* false: not an instruction */
const char *trap_text(struct trap *trap);
/* Linear address of a memory operand; of its segment it is told apart whether it is the processor's own. */
uintptr_t trap_operand_address(const struct trap *trap, const ZydisDecodedOperand *operand);
uint64_t trap_register_read(const struct trap *trap, ZydisRegister name);
/* 32-bit writes clear the upper half on x64, as the processor does. */
void trap_register_write(struct trap *trap, ZydisRegister name, uint64_t value);
uint64_t trap_operand_read(struct trap *trap, const ZydisDecodedOperand *operand);
void trap_operand_write(struct trap *trap, const ZydisDecodedOperand *operand, uint64_t value);
static inline unsigned trap_operand_width(const ZydisDecodedOperand *operand)
{
    return operand->size / 8u;
}
static inline bool trap_is_memory(const ZydisDecodedOperand *operand)
{
    return operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->mem.type == ZYDIS_MEMOP_TYPE_MEM;
}

/* ---- trap_emulate.c ---- */
/* Performs the instruction and moves ip behind it; false (and nothing done) when no special address or privilege is involved. */
bool trap_emulate(struct trap *trap);

/* ---- trap_emulate_string.c ---- */
/* False (and nothing done): not a string instruction, or neither I/O nor a special address is involved. */
bool trap_emulate_string(struct trap *trap, bool special);

/* ---- trap_flags.c: arithmetic of `width` bytes with all six status flags ---- */
uint64_t flags_add(uint64_t a, uint64_t b, unsigned carry, unsigned width, uintptr_t *flags);
uint64_t flags_subtract(uint64_t a, uint64_t b, unsigned borrow, unsigned width, uintptr_t *flags);
uint64_t flags_logic(uint64_t result, unsigned width, uintptr_t *flags); /* and, or, xor, test */
bool flags_condition(uintptr_t flags, unsigned condition);               /* the low four bits of jcc, cmovcc, setcc */
static inline uint64_t width_mask(unsigned width)
{
    return width >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}
#define FLAG_CARRY     0x001u
#define FLAG_PARITY    0x004u
#define FLAG_ADJUST    0x010u
#define FLAG_ZERO      0x040u
#define FLAG_SIGN      0x080u
#define FLAG_DIRECTION 0x400u
#define FLAG_OVERFLOW  0x800u

/* ---- trap_region.c ---- */
enum trap_place {
    TRAP_ORDINARY, /* memory */
    TRAP_DEVICE,   /* in a mapped region */
    TRAP_UNMAPPED, /* in a region that was unmapped */
    TRAP_SHARED_USER,
    TRAP_PROCESSOR_BLOCK, /* KPCR */
};
enum trap_place trap_place_of(uintptr_t address, const char **name, uint64_t *offset);
/* One access of at most 8 bytes, wherever it goes. Reports and survives accesses that cross the end of a region. */
uint64_t trap_memory_read(struct trap *trap, uintptr_t address, unsigned width);
void trap_memory_write(struct trap *trap, uintptr_t address, unsigned width, uint64_t value);
uint64_t trap_port_read(struct trap *trap, uint16_t port, unsigned width);
void trap_port_write(struct trap *trap, uint16_t port, unsigned width, uint64_t value);
extern struct trap_counts trap_counters;
static inline void trap_count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* ---- trap_kernel_registers.c ---- */
#if defined(__x86_64__)
#define SHARED_USER_ADDRESS UINT64_C(0xFFFFF78000000000)
#else
#define SHARED_USER_ADDRESS 0xFFDF0000u
#endif
#define SHARED_USER_SIZE     0x1000u
#define PROCESSOR_BLOCK_SIZE 0x1000u
void kernel_registers_install(void);
uint64_t shared_user_read(uint64_t offset, unsigned width);
uintptr_t processor_block_base(void); /* of the current processor; inaccessible memory */
bool processor_block_contains(uintptr_t address, uint64_t *offset);
uint64_t processor_block_read(uint64_t offset, unsigned width);
bool processor_block_write(uint64_t offset, unsigned width, uint64_t value); /* false: the image must not write there */
bool trap_emulate_privileged(struct trap *trap);                             /* false: not one of them */

/* ---- trap.c ---- */
_Noreturn void trap_report_fault(struct trap_frame *frame, uintptr_t address);

#endif

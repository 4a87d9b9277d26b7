/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * store_buffer.c - stores of stepped image code that others see late. While its processor runs, memory holds what the processor sees;
 * when somebody else is to look, what is still delayed is taken back, latest first, and put there again afterwards. Thus the
 * processor reads its own stores, and others see them in order: total store order, as x86 has it.
 */
#define _GNU_SOURCE /* process_vm_readv */
#include "step.h"

#include "character.h"
#include "processor.h"
#include "sched_seeded.h"
#include "trap_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define DELAYED_LIMIT 48u /* a processor of that time has about as many */
#define WIDTH_LIMIT   32u
#define RANGE_LIMIT   8u

struct store {
    uintptr_t address;
    uint32_t width;
    uint8_t before[WIDTH_LIMIT], after[WIDTH_LIMIT];
};

static struct buffer {
    struct store stores[DELAYED_LIMIT]; /* oldest first */
    unsigned count;
    struct store next; /* of the instruction that is being executed; width 0: none to delay */
} buffers[PROCESSOR_LIMIT];

static struct {
    uintptr_t base;
    size_t size;
} ranges[RANGE_LIMIT];
static unsigned range_count;
static bool enabled;
static pid_t own_process;
static uint64_t hidden_stores;

void sched_store_buffer_range(const void *base, size_t size)
{
    if (range_count == RANGE_LIMIT) {
        fprintf(stderr, "ndishost: too many ranges for the store buffer\n");
        abort();
    }
    ranges[range_count].base = (uintptr_t)base;
    ranges[range_count++].size = size;
}

void store_buffer_start(bool wanted)
{
    enabled = wanted;
    own_process = getpid();
    hidden_stores = 0;
    memset(buffers, 0, sizeof(buffers));
}

uint64_t store_buffer_count(void)
{
    return hidden_stores;
}

static bool is_in_range(uintptr_t address)
{
    for (unsigned i = 0; i < range_count; i++)
        if (address - ranges[i].base < ranges[i].size)
            return true;
    return false;
}

static bool is_on_stack(const struct guarded_stack *stack, uintptr_t address, size_t size)
{
    return address >= stack->low && address < stack->top && size <= stack->top - address;
}

/* ---- memory: what the image has stored to may be gone, its next store may be to nowhere ---- */

/* Nobody takes these away while the machine runs; most stores go there. */
static bool is_there(uintptr_t address, size_t size)
{
    const struct processor *processor = processor_current;
    return (is_in_range(address) && is_in_range(address + size - 1)) || is_on_stack(&processor->current->kernel, address, size) ||
           is_on_stack(&processor->dpc_stack, address, size) || is_on_stack(&processor->interrupt_stack, address, size);
}

static bool copy(void *to, uintptr_t from, size_t size)
{
    if (is_there(from, size)) {
        memcpy(to, (const void *)from, size);
        return true;
    }
    struct iovec local = {to, size}, remote = {(void *)from, size};
    return process_vm_readv(own_process, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

static void put(uintptr_t to, const void *from, size_t size)
{
    if (is_there(to, size)) {
        memcpy((void *)to, from, size);
        return;
    }
    struct iovec local = {(void *)from, size}, remote = {(void *)to, size};
    if (process_vm_writev(own_process, &local, 1, &remote, 1, 0) != (ssize_t)size)
        return; /* unmapped meanwhile by another processor: nothing is there to be seen */
}

/* ---- getting through ---- */

static void oldest_gets_through(struct buffer *buffer, unsigned count)
{
    buffer->count -= count;
    memmove(buffer->stores, buffer->stores + count, buffer->count * sizeof(struct store));
}

void store_buffer_drain(struct processor *processor)
{
    if (!enabled)
        return;
    struct buffer *buffer = &buffers[processor->number];
    buffer->count = 0; /* memory has them */
    buffer->next.width = 0;
}

void store_buffer_hide(struct processor *processor)
{
    struct buffer *buffer = &buffers[processor->number];
    if (!enabled || buffer->count == 0)
        return;
    /* Any number of them may just have got through: in half of the cases none. */
    if (seeded_choose(2) == 0)
        oldest_gets_through(buffer, seeded_choose(buffer->count + 1));
    hidden_stores += buffer->count;
    for (unsigned i = buffer->count; i-- > 0;)
        put(buffer->stores[i].address, buffer->stores[i].before, buffer->stores[i].width);
}

void store_buffer_show(struct processor *processor)
{
    struct buffer *buffer = &buffers[processor->number];
    if (!enabled)
        return;
    for (unsigned i = 0; i < buffer->count; i++) {
        struct store *store = &buffer->stores[i];
        if (copy(store->before, store->address, store->width))
            put(store->address, store->after, store->width);
    }
}

/* ---- the instruction that is about to be executed ---- */

/* Ordered by themselves, or not simple enough to be delayed. */
static bool drains(const struct trap *trap)
{
    const ZydisDecodedInstruction *instruction = &trap->instruction;
    if (instruction->attributes & (ZYDIS_ATTRIB_HAS_LOCK | ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE))
        return true;
    switch (instruction->mnemonic) {
    case ZYDIS_MNEMONIC_MFENCE:
    case ZYDIS_MNEMONIC_CPUID:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_ENTER:
    case ZYDIS_MNEMONIC_PUSHA:
    case ZYDIS_MNEMONIC_PUSHAD:
        return true;
    case ZYDIS_MNEMONIC_XCHG:
        return trap_is_memory(&trap->operands[0]) || trap_is_memory(&trap->operands[1]);
    default:
        /* Of a bit string the address depends on the bit's number. */
        return instruction->meta.category == ZYDIS_CATEGORY_BITBYTE && trap_is_memory(&trap->operands[0]);
    }
}

/* Its one store, into `store`; false: it has none. *simple is cleared when it has several or an address that is hard to tell. */
static bool find_store(const struct trap *trap, struct store *store, bool *simple)
{
    bool found = false;
    for (unsigned i = 0; i < trap->instruction.operand_count; i++) {
        const ZydisDecodedOperand *operand = &trap->operands[i];
        if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY || !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
            continue;
        bool is_stack = operand->mem.base == ZYDIS_REGISTER_RSP || operand->mem.base == ZYDIS_REGISTER_ESP;
        store->width = trap_operand_width(operand);
        store->address = trap_operand_address(trap, operand);
        if (found || !trap_is_memory(operand) || store->width > WIDTH_LIMIT || store->width == 0 ||
            (trap->instruction.mnemonic == ZYDIS_MNEMONIC_POP && is_stack))
            *simple = false;
        if (operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && is_stack)
            store->address -= store->width; /* push, call: the stack pointer moves first */
        found = true;
    }
    return found;
}

void store_buffer_before(struct processor *processor, struct trap_frame *frame)
{
    struct buffer *buffer = &buffers[processor->number];
    struct trap trap;
    bool simple = true;
    buffer->next.width = 0;
    struct trap_frame *outer = trap_in_progress;
    trap_in_progress = frame;
    bool decoded = trap_decode(&trap, frame);
    trap_in_progress = outer;
    if (!decoded || drains(&trap)) {
        store_buffer_drain(processor);
        return;
    }
    struct store store;
    if (!find_store(&trap, &store, &simple))
        return;
    if (simple && buffer->count == 0 && range_count != 0 && !is_in_range(store.address))
        return; /* seen at once, and nothing older is delayed */
    if (!simple || !copy(store.before, store.address, store.width)) {
        store_buffer_drain(processor);
        return;
    }
    if (buffer->count == DELAYED_LIMIT)
        oldest_gets_through(buffer, 1);
    buffer->next = store;
}

void store_buffer_after(struct processor *processor)
{
    struct buffer *buffer = &buffers[processor->number];
    if (!enabled)
        return;
    if (buffer->count > 0 && seeded_choose(CHANCE_UNIT) < seeded_character()->drain)
        oldest_gets_through(buffer, 1);
    struct store *next = &buffer->next;
    if (next->width == 0)
        return;
    if (copy(next->after, next->address, next->width))
        buffer->stores[buffer->count++] = *next;
    next->width = 0;
}

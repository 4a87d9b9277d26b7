/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * step.c - single-stepping of image code: the trap flag is set where the image is entered or resumed, each SIGTRAP becomes a call
 * (trap.c), and between two instructions the seeded policy may let anything happen. To stay fast enough, bursts are stepped.
 */
#include "step.h"

#include "character.h"
#include "processor.h"
#include "sched_seeded.h"

#include <errno.h>
#include <valgrind/valgrind.h>

#define OPCODE_PUSHF        0x9c
#define PREFIX_OPERAND_SIZE 0x66

bool step_enabled;

static bool delays_stores;
static struct {
    uint32_t left;    /* instructions of the present burst */
    bool after_pushf; /* the instruction stores the flags, which show that it is stepped */
} bursts[PROCESSOR_LIMIT];

int step_prepare(const struct sched_seed_options *options)
{
    bool wanted = options->preempt == SCHED_PREEMPT_INSTRUCTIONS;
    if (options->store_buffer && !wanted)
        return EINVAL;
    if (wanted && RUNNING_ON_VALGRIND)
        return ENOTSUP;
    step_enabled = wanted;
    delays_stores = options->store_buffer;
    for (unsigned i = 0; i < PROCESSOR_LIMIT; i++)
        bursts[i].left = 0;
    store_buffer_start(delays_stores);
    return 0;
}

void step_count(struct sched_seeded_counts *counts)
{
    counts->delayed_stores = store_buffer_count();
}

/* With trap_in_progress, so that an instruction pointer that leads nowhere is the image's fault. */
static bool is_pushf(struct trap_frame *frame)
{
    struct trap_frame *outer = trap_in_progress;
    trap_in_progress = frame;
    const volatile uint8_t *code = (const volatile uint8_t *)frame->ip;
    bool result = code[0] == OPCODE_PUSHF || (code[0] == PREFIX_OPERAND_SIZE && code[1] == OPCODE_PUSHF);
    trap_in_progress = outer;
    return result;
}

void step_image_goes_on(struct context *context)
{
    const struct character *character = seeded_character();
    uint32_t *left = &bursts[processor_current->number].left;
    bursts[processor_current->number].after_pushf = false;
    if (*left == 0 && seeded_choose(CHANCE_UNIT) < character->burst)
        *left = 1 + seeded_choose(character->burst_length);
    context->step = *left != 0;
}

/* The image goes on at the frame, and is stopped behind its next instruction. */
static void execute_one(struct processor *processor, struct trap_frame *frame)
{
    bursts[processor->number].after_pushf = is_pushf(frame);
    if (delays_stores)
        store_buffer_before(processor, frame);
    frame->flags |= FLAG_TRAP;
}

void step_trap_ends(struct trap_frame *frame)
{
    struct processor *processor = processor_current;
    step_image_goes_on(processor->current);
    if (processor->current->step)
        execute_one(processor, frame);
}

void step_dispatch(struct trap_frame *frame)
{
    struct processor *processor = processor_current;
    uint32_t *left = &bursts[processor->number].left;
    if (stuck_step(frame))
        return;
    if (bursts[processor->number].after_pushf)
        *(volatile uint16_t *)frame->registers[TRAP_SP] &= (uint16_t)~FLAG_TRAP;
    store_buffer_after(processor);
    seeded_yield_between_instructions(processor);
    if (*left > 0)
        --*left;
    if (*left > 0)
        execute_one(processor, frame);
    else
        store_buffer_drain(processor);
}

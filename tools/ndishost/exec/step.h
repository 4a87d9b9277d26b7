/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* step.h - single-stepping of image code under the seeded policy, and the store buffer that comes with it. */
#ifndef NDISHOST_EXEC_STEP_H
#define NDISHOST_EXEC_STEP_H

#include "context.h"
#include "sched.h"

#include <stdbool.h>
#include <stdint.h>

#define FLAG_TRAP 0x100u
/* In place of a signal's number in a trap_frame: the image was stopped behind an instruction. */
#define SIGNAL_STEP 0x100u

struct processor;

/* ---- step.c ---- */
extern bool step_enabled;                                   /* image code is stepped, in bursts */
int step_prepare(const struct sched_seed_options *options); /* an errno */
void step_count(struct sched_seeded_counts *counts);
/* Where the image is about to go on, if step_enabled: whether it is to be stopped behind its next instruction (context->step). */
void step_image_goes_on(struct context *context);
/* From trap_dispatch(): what happens between two instructions; and the same choice where another trap ends. */
void step_dispatch(struct trap_frame *frame);
void step_trap_ends(struct trap_frame *frame);

/* ---- stuck.c ---- */
void stuck_watch_start(void); /* on the host thread of the processors */
void stuck_watch_stop(void);
bool stuck_tick(bool in_image);
/* False: the step is none of a loop that is stuck. */
bool stuck_step(struct trap_frame *frame);
void stuck_yield_point(struct processor *processor);

/* ---- store_buffer.c; every function does nothing without a store buffer ---- */
void store_buffer_start(bool wanted);
/* The image is about to execute the instruction at the frame; and it has. */
void store_buffer_before(struct processor *processor, struct trap_frame *frame);
void store_buffer_after(struct processor *processor);
/* What is delayed gets through. */
void store_buffer_drain(struct processor *processor);
/* Somebody else looks at memory; and the processor does again. */
void store_buffer_hide(struct processor *processor);
void store_buffer_show(struct processor *processor);
uint64_t store_buffer_count(void); /* stores that somebody else saw late */

#endif

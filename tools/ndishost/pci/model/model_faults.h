/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_faults.h - the misbehaviours of a model device by kind, and when each is due. */
#ifndef NDISHOST_PCI_MODEL_MODEL_FAULTS_H
#define NDISHOST_PCI_MODEL_MODEL_FAULTS_H

#include "model_device.h"
#include "model_layout.h"

/* In the order of model_fault_list(). "Opportunity" is what is counted: see the texts there. */
enum model_fault {
    FAULT_USED_ID_OUT_OF_RANGE,
    FAULT_USED_ID_NOT_OUTSTANDING,
    FAULT_USED_ID_REPEATED,
    FAULT_USED_LEN_TOO_LARGE,
    FAULT_USED_LEN_TOO_SMALL,
    FAULT_USED_IDX_JUMPS,
    FAULT_USED_IDX_BACK,
    FAULT_NUM_BUFFERS_ZERO,
    FAULT_NUM_BUFFERS_TOO_MANY,
    FAULT_NUM_BUFFERS_NEVER_COMPLETED,
    FAULT_HEADER_FLAGS,
    FAULT_HEADER_GSO_TYPE,
    FAULT_HEADER_GSO_SIZE,
    FAULT_HEADER_HDR_LEN,
    FAULT_HEADER_CSUM_START,
    FAULT_HEADER_CSUM_OFFSET,
    FAULT_HEADER_LARGE,
    FAULT_SUMS_FALSE,
    FAULT_STATUS_STUCK,
    FAULT_RESET_SLOW,
    FAULT_FEATURES_REFUSED,
    FAULT_NEEDS_RESET,
    FAULT_NEEDS_RESET_AT_ACCESS,
    FAULT_GENERATION_CHURN,
    FAULT_CONFIG_CHURN,
    FAULT_INTERRUPT_STORM,
    FAULT_INTERRUPT_LOST,
    FAULT_INTERRUPTS_LOST,
    FAULT_INTERRUPT_EARLY,
    FAULT_VECTOR_UNREADABLE,
    FAULT_VECTORS_UNREADABLE,
    FAULT_NEVER_COMPLETES,
    FAULT_STALLS,
    FAULT_CONTROL_NEVER_COMPLETES,
    FAULT_CONTROL_REFUSED,
    FAULT_CONTROL_ACK_GARBAGE,
    FAULT_CONTROL_ACK_LENGTH,
    FAULT_ANNOUNCE_STORM,
    FAULT_SLOW,
    FAULT_OUT_OF_ORDER,
    FAULT_GONE,
    FAULT_SCRIBBLE,
    FAULT_USED_FLAGS_GARBAGE,
    FAULT_NOISE,
    FAULT_QUEUE_SIZE_ZERO,
    FAULT_QUEUE_SIZE_ODD,
    FAULT_NO_QUEUES,
    FAULT_MAC_MULTICAST,
    FAULT_MTU_TINY,
    FAULT_MTU_GARBAGE,
    FAULT_MTU_CHANGES,
    FAULT_SPEED_GARBAGE,
    FAULT_KINDS
};

struct model_fault_state {
    struct model_fault_choice choice;
    uint64_t opportunities, fired;
};

struct model_faults {
    struct model_fault_state states[MODEL_FAULTS_MAX];
    unsigned count;
    uint64_t fired; /* of all kinds */
};

void model_faults_init(struct model_faults *faults, const struct model_options *options);
bool model_faults_add(struct model_faults *faults, unsigned kind, uint64_t at);
/* Counts an opportunity of this kind; true when the device misbehaves now. */
bool model_fault_due(struct model_faults *faults, enum model_fault kind);
/* FAULT_NOISE strikes one opportunity in ten: between its strikes the device works, and a driver comes further each time. */
bool model_fault_noise(struct model_faults *faults, struct model_random *random);
/* How often this kind has struck: the source of "every value". */
uint64_t model_fault_fired(const struct model_faults *faults, enum model_fault kind);
/* Takes back an opportunity that could not be used: the next one counts in its place. */
void model_fault_postpone(struct model_faults *faults, enum model_fault kind);
/* What they came to so far (model_misbehaviour()). */
struct model_misbehaviour model_faults_sum(const struct model_faults *faults);
/* Is chosen at all, due or not; counts nothing. */
bool model_fault_chosen(const struct model_faults *faults, enum model_fault kind);

#endif

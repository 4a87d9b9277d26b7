/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_faults.c - the table of misbehaviours, and the counting that decides when one strikes. */
#include "model_faults.h"

#include <string.h>

enum { NOISE_PERCENT = 10 };

static const struct model_fault_info fault_list[FAULT_KINDS + 1] = {
    [FAULT_USED_ID_OUT_OF_RANGE] = {"used-id-out-of-range", "the Nth completion names a descriptor that the queue does not have",
                                    .breaks = true, .told = true},
    [FAULT_USED_ID_NOT_OUTSTANDING] = {"used-id-not-outstanding", "the Nth completion names a descriptor that the device does not hold",
                                       .breaks = true},
    [FAULT_USED_ID_REPEATED] = {"used-id-repeated", "the Nth completion is written twice", .breaks = true, .told = true},
    [FAULT_USED_LEN_TOO_LARGE] = {"used-len-too-large", "the Nth received buffer's completion claims more bytes than the buffer has",
                                  .breaks = true, .told = true},
    [FAULT_USED_LEN_TOO_SMALL] = {"used-len-too-small", "the Nth received frame's completion claims less than a header", .breaks = true},
    [FAULT_USED_IDX_JUMPS] = {"used-idx-jumps", "at the Nth completion the used index runs ahead by more than the queue's size",
                              .breaks = true, .told = true},
    [FAULT_USED_IDX_BACK] = {"used-idx-back", "at the Nth completion the used index goes backwards", .breaks = true},
    [FAULT_NUM_BUFFERS_ZERO] = {"num-buffers-zero", "the Nth received frame says it takes no buffer (MRG_RXBUF)", .breaks = true,
                                .told = true},
    [FAULT_NUM_BUFFERS_TOO_MANY] = {"num-buffers-too-many", "the Nth received frame says it takes more buffers than the queue has",
                                    .breaks = true, .told = true},
    [FAULT_NUM_BUFFERS_NEVER_COMPLETED] = {"num-buffers-never-completed",
                                           "the Nth received frame announces one buffer more than ever completes", .breaks = true},
    [FAULT_HEADER_FLAGS] = {"header-flags", "from the Nth received frame on, header flags of every value", .persistent = true},
    [FAULT_HEADER_GSO_TYPE] = {"header-gso-type", "from the Nth received frame on, a gso_type of every value", .persistent = true},
    [FAULT_HEADER_GSO_SIZE] = {"header-gso-size", "from the Nth received frame on, any gso_size", .persistent = true},
    [FAULT_HEADER_HDR_LEN] = {"header-hdr-len", "from the Nth received frame on, any hdr_len", .persistent = true},
    [FAULT_HEADER_CSUM_START] = {"header-csum-start", "from the Nth received frame on, NEEDS_CSUM with any csum_start", .persistent = true},
    [FAULT_HEADER_CSUM_OFFSET] = {"header-csum-offset", "from the Nth received frame on, NEEDS_CSUM with any csum_offset",
                                  .persistent = true},
    [FAULT_HEADER_LARGE] = {"header-large",
                            "from the Nth received frame on, frames are said to be large TCP packets that nobody negotiated",
                            .persistent = true},
    [FAULT_SUMS_FALSE] = {"sums-false",
                          "from the Nth received frame on, damaged frames are said to be valid, or to need a sum that is wrong",
                          .persistent = true},
    [FAULT_STATUS_STUCK] = {"status-stuck", "from the Nth reset on, the status never reads 0", .persistent = true, .breaks = true,
                            .told = true},
    [FAULT_RESET_SLOW] = {"reset-slow", "from the Nth reset on, the status reads 0 only at the tenth read", .persistent = true,
                          .harmless = true},
    [FAULT_FEATURES_REFUSED] = {"features-refused", "from the Nth time on, FEATURES_OK does not stay set", .persistent = true,
                                .breaks = true, .told = true},
    [FAULT_NEEDS_RESET] = {"needs-reset", "DEVICE_NEEDS_RESET after the Nth completion", .breaks = true, .told = true},
    [FAULT_NEEDS_RESET_AT_ACCESS] = {"needs-reset-at-access", "DEVICE_NEEDS_RESET at the Nth register access after ACKNOWLEDGE",
                                     .breaks = true, .told = true},
    [FAULT_GENERATION_CHURN] = {"generation-churn", "from the Nth read on, config_generation is another one every time",
                                .persistent = true},
    [FAULT_CONFIG_CHURN] = {"config-churn", "from the Nth read of the device configuration on, it changes during the first 6 reads",
                            .persistent = true},
    [FAULT_INTERRUPT_STORM] = {"interrupt-storm", "from the Nth step on, 1,000 interrupts without a cause, one each step",
                               .persistent = true, .harmless = true},
    [FAULT_INTERRUPT_LOST] = {"interrupt-lost", "the Nth interrupt does not come", .breaks = true},
    [FAULT_INTERRUPTS_LOST] = {"interrupts-lost", "from the Nth on, no interrupt comes", .persistent = true, .breaks = true, .told = true},
    [FAULT_INTERRUPT_EARLY] = {"interrupt-early", "from the Nth on, every write to the status before DRIVER_OK interrupts",
                               .persistent = true, .harmless = true},
    [FAULT_VECTOR_UNREADABLE] = {"vector-unreadable", "the Nth vector that is mapped reads back as NO_VECTOR", .told = true,
                                 .harmless = true},
    [FAULT_VECTORS_UNREADABLE] = {"vectors-unreadable", "from the Nth on, no vector that is mapped reads back", .persistent = true,
                                  .breaks = true, .told = true},
    [FAULT_NEVER_COMPLETES] = {"never-completes", "from the Nth transmitted chain on, none completes", .persistent = true, .breaks = true,
                               .told = true},
    [FAULT_STALLS] = {"stalls", "from the Nth transmitted chain on, none completes until the device is reset", .breaks = true,
                      .told = true},
    [FAULT_CONTROL_NEVER_COMPLETES] = {"control-never-completes", "from the Nth control command on, none completes", .persistent = true,
                                       .breaks = true, .told = true},
    [FAULT_CONTROL_REFUSED] = {"control-refused", "from the Nth control command on, each is answered with an error", .persistent = true,
                               .harmless = true},
    [FAULT_CONTROL_ACK_GARBAGE] = {"control-ack-garbage", "from the Nth control command on, acknowledgements of any other value",
                                   .persistent = true, .harmless = true},
    [FAULT_CONTROL_ACK_LENGTH] = {"control-ack-length", "from the Nth control command on, completions with any length but 1",
                                  .persistent = true, .breaks = true},
    [FAULT_ANNOUNCE_STORM] = {"announce-storm", "from the Nth step on, 1,000 requests to announce, one each step (GUEST_ANNOUNCE)",
                              .persistent = true, .harmless = true},
    [FAULT_SLOW] = {"slow", "from the Nth chain on, each completes only 64 steps later", .persistent = true, .harmless = true},
    [FAULT_OUT_OF_ORDER] = {"out-of-order", "from the Nth transmitted chain on, up to eight complete in any order", .persistent = true,
                            .harmless = true},
    [FAULT_GONE] = {"gone", "at the Nth register access the device is gone: it reads as all ones", .breaks = true},
    [FAULT_SCRIBBLE] = {"scribble", "from the Nth completion on, descriptors and available entries of completed chains are overwritten",
                        .persistent = true, .harmless = true},
    [FAULT_USED_FLAGS_GARBAGE] = {"used-flags-garbage", "from the Nth completion on, reserved bits in used.flags", .persistent = true,
                                  .harmless = true},
    [FAULT_NOISE] =
        {"noise",
         "from the Nth thing that it writes or is asked on, one in ten is bytes of chance: used rings (entries, index, flags), headers, "
         "acknowledgements, device configuration",
         .persistent = true, .breaks = true},
    [FAULT_QUEUE_SIZE_ZERO] = {"queue-size-zero", "the Nth read of queue_size is 0, and stays so", .persistent = true, .breaks = true,
                               .told = true},
    [FAULT_QUEUE_SIZE_ODD] = {"queue-size-odd", "from the Nth read on, queue_size is not a power of two", .persistent = true,
                              .breaks = true, .told = true},
    [FAULT_NO_QUEUES] = {"no-queues", "from the Nth read on, num_queues is 1", .persistent = true, .breaks = true, .told = true},
    [FAULT_MAC_MULTICAST] = {"mac-multicast", "from the Nth time it is read on, the address in the device configuration is a multicast one",
                             .persistent = true, .told = true},
    [FAULT_MTU_TINY] = {"mtu-tiny", "from the Nth time it is read on, the MTU in the device configuration is 1", .persistent = true,
                        .breaks = true, .told = true},
    [FAULT_MTU_GARBAGE] = {"mtu-garbage",
                           "from the Nth read on, the MTU in the device configuration is another one each time, often impossible",
                           .persistent = true, .breaks = true},
    [FAULT_MTU_CHANGES] = {"mtu-changes", "from the Nth completion on, the MTU in the device configuration changes at every 16th",
                           .persistent = true},
    [FAULT_SPEED_GARBAGE] = {"speed-garbage", "from the Nth read on, speed and duplex in the device configuration are any numbers",
                             .persistent = true, .harmless = true},
};

const struct model_fault_info *model_fault_list(void)
{
    return fault_list;
}

int model_fault_find(const char *name)
{
    for (unsigned i = 0; i < FAULT_KINDS; i++) {
        if (strcmp(fault_list[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

bool model_faults_add(struct model_faults *faults, unsigned kind, uint64_t at)
{
    if (faults->count == MODEL_FAULTS_MAX || kind >= FAULT_KINDS || at == 0)
        return false;
    faults->states[faults->count++] = (struct model_fault_state){.choice = {kind, at}};
    return true;
}

void model_faults_init(struct model_faults *faults, const struct model_options *options)
{
    *faults = (struct model_faults){.count = 0};
    for (unsigned i = 0; i < options->fault_count; i++)
        model_faults_add(faults, options->faults[i].kind, options->faults[i].at);
}

bool model_fault_due(struct model_faults *faults, enum model_fault kind)
{
    bool due = false;
    for (unsigned i = 0; i < faults->count; i++) {
        struct model_fault_state *state = &faults->states[i];
        if (state->choice.kind != (unsigned)kind)
            continue;
        state->opportunities++;
        if (fault_list[kind].persistent ? state->opportunities >= state->choice.at : state->opportunities == state->choice.at) {
            state->fired++;
            faults->fired++;
            due = true;
        }
    }
    return due;
}

bool model_fault_noise(struct model_faults *faults, struct model_random *random)
{
    return model_fault_due(faults, FAULT_NOISE) && model_random_chance(random, NOISE_PERCENT);
}

uint64_t model_fault_fired(const struct model_faults *faults, enum model_fault kind)
{
    uint64_t fired = 0;
    for (unsigned i = 0; i < faults->count; i++)
        fired += faults->states[i].choice.kind == (unsigned)kind ? faults->states[i].fired : 0;
    return fired;
}

void model_fault_postpone(struct model_faults *faults, enum model_fault kind)
{
    for (unsigned i = 0; i < faults->count; i++) {
        struct model_fault_state *state = &faults->states[i];
        if (state->choice.kind == (unsigned)kind && state->opportunities == state->choice.at) {
            state->opportunities--;
            state->fired--;
            faults->fired--;
        }
    }
}

bool model_fault_chosen(const struct model_faults *faults, enum model_fault kind)
{
    for (unsigned i = 0; i < faults->count; i++) {
        if (faults->states[i].choice.kind == (unsigned)kind)
            return true;
    }
    return false;
}

struct model_misbehaviour model_faults_sum(const struct model_faults *faults)
{
    struct model_misbehaviour sum = {.over = faults->count != 0};
    for (unsigned i = 0; i < faults->count; i++) {
        const struct model_fault_state *state = &faults->states[i];
        const struct model_fault_info *info = &fault_list[state->choice.kind];
        if (state->fired && info->told)
            sum.told = info->name;
        sum.over &= state->fired && !info->persistent;
    }
    return sum;
}

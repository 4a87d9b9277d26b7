/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_interrupt.c - INTx with its ISR status, MSI-X with its table and pending bits, and interrupts that misbehave. */
#include <string.h>

#include "model_state.h"

static uint32_t table_word(const struct model *model, unsigned vector, unsigned field)
{
    uint32_t word;
    memcpy(&word, model->msix_table + (size_t)vector * MSIX_ENTRY + field, sizeof word);
    return word;
}

static void line_update(struct model *model)
{
    bool pending = model->isr && !model_config_space_msix(&model->config, MSIX_CONTROL_ENABLE) && !model->vanished;
    bool asserted = pending && !model_config_space_command(&model->config, PCI_COMMAND_LINE_OFF);
    model_config_space_set_interrupt(&model->config, pending);
    if (asserted != model->line) {
        model->line = asserted;
        model->host->line(model->host->context, asserted);
    }
}

/* Sends what is pending and not masked. */
static void messages_send(struct model *model)
{
    if (!model_config_space_msix(&model->config, MSIX_CONTROL_ENABLE) || model_config_space_msix(&model->config, MSIX_CONTROL_MASK) ||
        !model_config_space_command(&model->config, PCI_COMMAND_MASTER) || model->vanished)
        return;
    for (unsigned word = 0; word < (model->options.vectors + 63) / 64; word++) {
        for (uint64_t bits = model->msix_pending[word]; bits; bits &= bits - 1) {
            unsigned vector = word * 64 + (unsigned)__builtin_ctzll(bits);
            if (table_word(model, vector, MSIX_ENTRY_CONTROL) & 1)
                continue;
            model->msix_pending[word] &= ~(UINT64_C(1) << vector % 64);
            model->host->message(model->host->context,
                                 (uint64_t)table_word(model, vector, MSIX_ENTRY_ADDRESS_HIGH) << 32 |
                                     table_word(model, vector, MSIX_ENTRY_ADDRESS),
                                 table_word(model, vector, MSIX_ENTRY_DATA));
        }
    }
}

void model_interrupt_update(struct model *model)
{
    line_update(model);
    messages_send(model);
}

static void raise(struct model *model, uint16_t vector, uint8_t isr)
{
    if (model_config_space_msix(&model->config, MSIX_CONTROL_ENABLE)) {
        if (vector < model->options.vectors)
            model->msix_pending[vector / 64] |= UINT64_C(1) << vector % 64;
        messages_send(model);
        return;
    }
    model->isr |= isr;
    line_update(model);
}

static bool lost(struct model *model)
{
    bool now = model_fault_due(&model->faults, FAULT_INTERRUPT_LOST), ever = model_fault_due(&model->faults, FAULT_INTERRUPTS_LOST);
    model->counts.interrupts_lost += now || ever;
    return now || ever;
}

void model_interrupt_queue(struct model *model, const struct model_queue *queue)
{
    if (lost(model))
        return;
    model->counts.interrupts_queue++;
    raise(model, queue->vector, ISR_QUEUE);
}

void model_interrupt_config(struct model *model)
{
    if (lost(model))
        return;
    model->counts.interrupts_config++;
    raise(model, model->config_vector, ISR_CONFIG);
}

void model_interrupt_spurious(struct model *model)
{
    /* Each vector that the driver mapped in turn; on the line, both reasons. */
    unsigned which = (unsigned)(model_random_below(&model->random, 3));
    raise(model, which == 2 ? model->config_vector : model->queues[which].vector, which == 2 ? ISR_CONFIG : ISR_QUEUE);
}

uint8_t model_interrupt_isr_read(struct model *model)
{
    uint8_t isr = model->isr;
    if (model_config_space_msix(&model->config, MSIX_CONTROL_ENABLE))
        MODEL_WARNED(model, "P15", "the ISR status was read although MSI-X is enabled");
    model->isr = 0;
    line_update(model);
    return isr;
}

void model_interrupt_table_write(struct model *model, uint32_t offset, uint32_t value)
{
    memcpy(model->msix_table + offset, &value, sizeof value);
    messages_send(model);
}

uint16_t model_interrupt_vector(struct model *model, const char *what, uint64_t value)
{
    if (value == NO_VECTOR)
        return NO_VECTOR;
    if (value >= model->options.vectors) {
        MODEL_BROKEN(model, "P19", "%s <- %u, but the MSI-X table has %u entries", what, (unsigned)value, model->options.vectors);
        return NO_VECTOR;
    }
    bool once = model_fault_due(&model->faults, FAULT_VECTOR_UNREADABLE),
         always = model_fault_due(&model->faults, FAULT_VECTORS_UNREADABLE);
    return once || always ? NO_VECTOR : (uint16_t)value;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_complete.c - gives chains back to the driver: in order or not, at once or late, truthfully or as a misbehaviour has it. */
#include <string.h>

#include "model_state.h"

enum { SLOW_STEPS = 64, ORDER_WINDOW = 8 };

/* Writes the used entry, or the lie that is due. */
static void entry_write(struct model *model, struct model_queue *queue, uint16_t head, uint32_t written, uint32_t room)
{
    struct model_faults *faults = &model->faults;
    uint32_t id = head;
    int other;
    if (model_fault_due(faults, FAULT_USED_ID_OUT_OF_RANGE)) {
        id = queue->size + model_random_below(&model->random, 2 * QUEUE_SIZE_MAX);
    } else if (model_fault_due(faults, FAULT_USED_ID_NOT_OUTSTANDING)) {
        if ((other = model_queue_free_descriptor(queue)) < 0)
            model_fault_postpone(faults, FAULT_USED_ID_NOT_OUTSTANDING);
        else
            id = (uint32_t)other;
    }
    /* For a chain that has no writable part the length means nothing: a lie about it cannot be told from a habit. */
    if (room ? model_fault_due(faults, FAULT_USED_LEN_TOO_LARGE) : model_fault_chosen(faults, FAULT_USED_LEN_TOO_LARGE))
        written = room + 1;
    if (id != head)
        queue->lied = true;
    else
        model_queue_release(queue, head);
    model_queue_write_used(queue, id, written);
    if (model_fault_due(faults, FAULT_USED_ID_REPEATED)) {
        model_queue_write_used(queue, id, written);
        queue->lied = true;
    }
    if (model_fault_due(faults, FAULT_USED_IDX_JUMPS)) {
        queue->used = (uint16_t)(queue->used + queue->size + 1 + model_random_below(&model->random, 64));
        queue->lied = true;
    }
    if (model_fault_due(faults, FAULT_USED_IDX_BACK)) {
        queue->used = (uint16_t)(queue->used - 2);
        queue->lied = true;
    }
}

static void chain_give_back(struct model *model, unsigned role, uint16_t head, uint32_t written, uint32_t room)
{
    struct model_queue *queue = &model->queues[role];
    model->counts.completions[role]++;
    model_net_config_disturb(model);
    entry_write(model, queue, head, written, room);
    if (model_fault_due(&model->faults, FAULT_SCRIBBLE))
        model_queue_scribble(queue, head, model_random_next(&model->random));
    if (model_fault_due(&model->faults, FAULT_USED_FLAGS_GARBAGE))
        model_queue_write_used_flags(queue, (uint16_t)model_random_next(&model->random));
    if (model_fault_noise(&model->faults, &model->random))
        model_queue_write_noise(queue, model_random_next(&model->random), model_random_next(&model->random));
}

/* The one that is due first; the older one of two. */
static unsigned delayed_first(const struct model *model)
{
    unsigned first = 0;
    for (unsigned i = 1; i < model->delayed_count; i++) {
        if (model->delayed[i].due < model->delayed[first].due)
            first = i;
    }
    return first;
}

static void delayed_release(struct model *model, unsigned index)
{
    struct model_delayed delayed = model->delayed[index];
    model->delayed_count--;
    memmove(&model->delayed[index], &model->delayed[index + 1], (model->delayed_count - index) * sizeof delayed);
    chain_give_back(model, delayed.role, delayed.head, delayed.written, delayed.room);
    model_complete_publish(model, delayed.role);
}

bool model_complete_delayed(struct model *model)
{
    unsigned first = delayed_first(model);
    if (model->delayed_count == 0 || model->delayed[first].due > model->steps)
        return false;
    delayed_release(model, first);
    return true;
}

void model_complete_quietly(struct model *model, unsigned role, uint16_t head, uint32_t written, uint32_t room)
{
    bool slow = model_fault_due(&model->faults, FAULT_SLOW);
    bool reordered =
        role == ROLE_TRANSMIT && !model_accepted(model, FEATURE_IN_ORDER) && model_fault_due(&model->faults, FAULT_OUT_OF_ORDER);
    if (!slow && !reordered) {
        chain_give_back(model, role, head, written, room);
        return;
    }
    if (model->delayed_count == MODEL_DELAYED_MAX)
        delayed_release(model, delayed_first(model));
    uint64_t steps = reordered ? 1 + model_random_below(&model->random, ORDER_WINDOW) : 0;
    model->delayed[model->delayed_count++] = (struct model_delayed){
        .role = (uint8_t)role, .head = head, .written = written, .room = room, .due = model->steps + steps + (slow ? SLOW_STEPS : 0)};
}

void model_complete_publish(struct model *model, unsigned role)
{
    struct model_queue *queue = &model->queues[role];
    if (model_queue_publish(queue))
        model_interrupt_queue(model, queue);
}

void model_complete(struct model *model, unsigned role, uint16_t head, uint32_t written, uint32_t room)
{
    model_complete_quietly(model, role, head, written, room);
    model_complete_publish(model, role);
    if (model_fault_due(&model->faults, FAULT_NEEDS_RESET))
        model_fail(model);
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_step.c - what the device does by itself, one thing at a time; and the check of what only shows when everything is at rest. */
#include "model_state.h"

enum { STORM_INTERRUPTS = 1000, STORM_ANNOUNCEMENTS = 1000 };

void model_expose(struct model *model, unsigned role)
{
    struct model_queue *queue = &model->queues[role];
    model_queue_expose(queue, role == ROLE_RECEIVE ? model_receive_check_buffer : NULL, model);
    if (queue->broken)
        model_fail(model);
}

bool model_take(struct model *model, unsigned role, struct model_chain *chain)
{
    if (!model_queue_take(&model->queues[role], chain)) {
        model_fail(model);
        return false;
    }
    model->counts.chains[role]++;
    return true;
}

/*
 * Receive buffers: half of the devices (by the seed) want to hear of every one, the others look for more by themselves and ask to be
 * told only when they have run out.
 */
static bool is_eager(const struct model *model)
{
    return model->contract || !(model->options.seed & 1);
}

/* Acts upon a doorbell; false: there was none. */
static bool doorbell_take(struct model *model, unsigned role)
{
    struct model_queue *queue = &model->queues[role];
    if (!queue->enabled || !queue->kicked)
        return false;
    queue->kicked = false;
    model_queue_disarm(queue);
    model_expose(model, role);
    return true;
}

/* Asks for the next doorbell when the queue is worked off; true: chains came meanwhile. */
static bool queue_rest(struct model *model, unsigned role)
{
    struct model_queue *queue = &model->queues[role];
    if (!queue->enabled || queue->broken || queue->armed)
        return false;
    if (role == ROLE_RECEIVE ? !is_eager(model) : model_queue_exposed(queue) != 0)
        return false;
    if (model_queue_arm(queue))
        return false;
    model_expose(model, role);
    return true;
}

static bool storm(struct model *model)
{
    bool due = (model->status & STATUS_DRIVER_OK) && model_fault_due(&model->faults, FAULT_INTERRUPT_STORM);
    if (due && model_fault_fired(&model->faults, FAULT_INTERRUPT_STORM) == 1)
        model->storm_left = STORM_INTERRUPTS;
    if (!model->storm_left)
        return false;
    model->storm_left--;
    model_interrupt_spurious(model);
    return true;
}

static bool announcement_storm(struct model *model)
{
    if (!model_accepted(model, FEATURE_GUEST_ANNOUNCE))
        return false;
    if (model_fault_due(&model->faults, FAULT_ANNOUNCE_STORM) && model_fault_fired(&model->faults, FAULT_ANNOUNCE_STORM) == 1)
        model->announcements_left = STORM_ANNOUNCEMENTS;
    if (!model->announcements_left)
        return false;
    model->announcements_left--;
    model_net_config_announce(model);
    return true;
}

/* Serves the next exposed chain of a queue; false: there is none. */
static bool chain_step(struct model *model, unsigned role, void (*serve)(struct model *model, const struct model_chain *chain))
{
    struct model_chain chain;
    if (!model->queues[role].enabled || model_queue_exposed(&model->queues[role]) == 0)
        return false;
    if (model_take(model, role, &chain))
        serve(model, &chain);
    return true;
}

static bool role_step(struct model *model, unsigned role)
{
    switch (role) {
    case ROLE_RECEIVE:
        return model_receive_step(model);
    case ROLE_TRANSMIT:
        return !model->transmit_held && chain_step(model, role, model_transmit_serve);
    default:
        return model_accepted(model, FEATURE_CTRL_VQ) && chain_step(model, role, model_control_serve);
    }
}

static bool live_step(struct model *model)
{
    if (announcement_storm(model) || model_complete_delayed(model))
        return true;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        if (doorbell_take(model, role))
            return true;
    }
    /* Each role gets its turn first. */
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        unsigned role = (unsigned)((model->steps + i) % ROLE_COUNT);
        if (role_step(model, role) || queue_rest(model, role))
            return true;
    }
    return model->delayed_count != 0; /* time passes by steps */
}

bool model_step(struct model *model)
{
    bool did = false;
    pthread_mutex_lock(&model->lock);
    if (!model->vanished) {
        model->steps++;
        did = storm(model);
        did |= model_is_live(model) ? live_step(model) : model_receive_step(model);
    }
    pthread_mutex_unlock(&model->lock);
    return did;
}

bool model_drain(struct model *model, unsigned limit)
{
    while (limit--) {
        if (!model_step(model))
            return true;
    }
    return false;
}

/* ---- at rest ---- */

/* The driver published and has yet to notify. */
static bool notification_is_due(struct model *model, struct model_queue *queue)
{
    if (!queue->enabled || queue->lied)
        return false;
    model_queue_look(queue);
    return model->contract ? queue->owed != 0 : model_queue_notification_missing(queue);
}

/* Bytes that an MTU in force needs beyond those that are exposed; the device, unless it is waiting to be told, may look by itself. */
static uint64_t receive_space_missing(struct model *model, uint64_t *needed)
{
    const struct model_queue *receive = &model->queues[ROLE_RECEIVE];
    *needed = (uint64_t)model_header_bytes(model) + ETHERNET_HEADER + model->options.mtu;
    if (!receive->armed)
        model_expose(model, ROLE_RECEIVE);
    bool wanted = model_mtu_in_force(model) && receive->enabled && !receive->lied;
    return wanted && receive->exposed_bytes < *needed ? *needed - receive->exposed_bytes : 0;
}

/* Something is missing that a driver who runs may be about to do. */
static bool is_under_way(struct model *model)
{
    const struct model_protocol *protocol = &model->protocol;
    uint64_t needed;
    bool due = protocol->announce_owed || protocol->speed_unread || protocol->duplex_unread || receive_space_missing(model, &needed);
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        due |= notification_is_due(model, &model->queues[role]);
    return due;
}

/* What must not be missing at rest. */
static void check_nothing_missing(struct model *model)
{
    uint64_t needed, missing = receive_space_missing(model, &needed);
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        struct model_queue *queue = &model->queues[role];
        if (!notification_is_due(model, queue))
            continue;
        if (model->contract)
            MODEL_BROKEN(model, "HOST-CONTRACT-NOTIFY", "queue %s: %u publishes were not followed by a notification", queue->world.name,
                         queue->owed);
        else
            MODEL_BROKEN(model, queue->world.event_idx ? "Q15" : "Q14",
                         "queue %s: the device asked to be notified after %u chains and waits; the available index is %u",
                         queue->world.name, queue->available, queue->looked);
    }
    if (model->protocol.announce_owed)
        MODEL_BROKEN(model, "N29", "announcements were asked for, and ANNOUNCE_ACK did not come");
    if (model->protocol.speed_unread || model->protocol.duplex_unread)
        MODEL_WARNED(model, "N7", "speed or duplex changed, and the driver did not read them again");
    if (missing)
        MODEL_BROKEN(model, "N5", "there is receive space for %u bytes, less than one frame of the MTU %u", (unsigned)(needed - missing),
                     model->options.mtu);
}

/* What is right or wrong at any time. */
static void check_standing(struct model *model)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        struct model_queue *queue = &model->queues[role];
        if (!queue->enabled || queue->lied)
            continue;
        model_queue_verify(queue);
        if (queue->vector_unread)
            MODEL_BROKEN(model, "P20", "the vector of queue %s was not read back", queue->world.name);
    }
    if (model->protocol.config_vector_unread)
        MODEL_BROKEN(model, "P20", "the vector of configuration changes was not read back");
}

void model_check_quiescent(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    if (model_is_live(model)) {
        check_standing(model);
        check_nothing_missing(model);
    } else if (!model->vanished && (model->status & STATUS_NEEDS_RESET) && (model->status & STATUS_DRIVER_OK)) {
        MODEL_WARNED(model, "G4", "the device needs a reset and did not get it");
    }
    pthread_mutex_unlock(&model->lock);
}

bool model_check_if_quiescent(struct model *model)
{
    pthread_mutex_lock(&model->lock);
    bool live = model_is_live(model), quiescent = !live || !is_under_way(model);
    if (live && quiescent)
        check_standing(model);
    pthread_mutex_unlock(&model->lock);
    return quiescent;
}

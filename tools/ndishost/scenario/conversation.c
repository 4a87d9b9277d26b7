/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* conversation.c - sends and delivers known frames, and sorts those that come. */
#include "scenario/conversation.h"

#include <string.h>

#include "ndis/miniport.h"
#include "ndis/send.h"

const uint8_t conversation_mac[6] = {0x02, 0, 0, 0, 0, 0x77};

enum { DELIVERIES_AT_MOST = 1000, TYPE_TAG = 0x8100 };

static void came(void *context, bool up, const uint8_t *frame, size_t length)
{
    struct conversation *conversation = context;
    if (up && memcmp(frame + 6, conversation_mac, 6) == 0)
        expected_arrived(&conversation->up, frame, length);
    else if (!up && memcmp(frame, conversation_mac, 6) == 0)
        expected_arrived(&conversation->down, frame, length);
    else
        __atomic_add_fetch(&conversation->others, 1, __ATOMIC_RELAXED);
}

void conversation_begin(struct conversation *conversation, struct station *station)
{
    memset(conversation, 0, sizeof(*conversation));
    conversation->station = station;
    expected_init(&conversation->down, station, "sent");
    expected_init(&conversation->up, station, "received");
    station->foreign_context = conversation;
    station->foreign = came;
}

void conversation_end(struct conversation *conversation)
{
    conversation->station->foreign = NULL;
    expected_clear(&conversation->down);
    expected_clear(&conversation->up);
}

size_t conversation_longest(const struct conversation *conversation)
{
    size_t longest = conversation->station->longest;
    return longest < ORDINARY_FRAME ? longest : ORDINARY_FRAME;
}

/* Room for one more frame on the way down; false when there will be none. */
static bool wait_for_room(struct station *station)
{
    uint64_t deadline = world_deadline(PATIENCE_MS);
    while (send_outstanding(station->adapter->send) >= SEND_OUTSTANDING_MAX) {
        if (sched_now() >= deadline || world_failed(station->world) || station_device_gone(station))
            return false;
        sched_event_wait(&station->moved, sched_now() + TICKS_PER_MS);
    }
    return true;
}

void conversation_submit(struct conversation *conversation, const uint8_t *frame, size_t length, const struct send_request *request)
{
    struct station *station = conversation->station;
    struct send_batch batch;
    if (!wait_for_room(station))
        return;
    send_batch_begin(&batch, station->adapter->send);
    if (!send_batch_add_request(&batch, frame, length, request) && !world_has_misfortune(station->world))
        world_fail(station->world, "a frame of %zu bytes cannot be sent", length);
    send_batch_submit(&batch);
}

void conversation_send(struct conversation *conversation, const uint8_t *frame, size_t length)
{
    const struct send_request nothing = send_request_nothing();
    expected_add(&conversation->down, frame, length);
    conversation_submit(conversation, frame, length, &nothing);
}

bool conversation_deliver_unwanted(struct conversation *conversation, const uint8_t *frame, size_t length)
{
    struct station *station = conversation->station;
    for (unsigned i = 0; i < DELIVERIES_AT_MOST && !world_failed(station->world) && !station_device_gone(station); ++i) {
        if (device_send_in(station->device, frame, length))
            return true;
        sched_event_wait(&station->moved, sched_now() + TICKS_PER_MS);
    }
    return false;
}

bool conversation_deliver(struct conversation *conversation, const uint8_t *frame, size_t length)
{
    if ((frame[12] << 8 | frame[13]) == TYPE_TAG)
        expected_add_tagged(&conversation->up, frame, length); /* RCV-20 */
    else
        expected_add(&conversation->up, frame, length);
    return conversation_deliver_unwanted(conversation, frame, length);
}

bool conversation_settle(struct conversation *conversation)
{
    return expected_all(&conversation->down) && expected_all(&conversation->up);
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* traffic.c - frames in both directions of a station: made, sent, checked byte by byte, counted. */
#include "scenario/traffic.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "ndis/miniport.h"
#include "ndis/send.h"
#include "scenario/frame.h"

enum {
    BURST_MOST = 32,
    PIECE = 64,
    SHORT_FRAME = 128,
    RECOVERY_MS = 1000,
    UP_WINDOW = 32 /* frames that may be on their way up: every device buffers as many */
};

static const uint8_t peer_mac[6] = {0x02, 0, 0, 0, 0, 0x01};

static void flow_begin(struct flow *flow)
{
    flow->first = flow->next;
    flow->arrived = 0;
}

void traffic_begin(struct station *station)
{
    struct adapter_counts counts = adapter_counts(station->adapter);
    pthread_mutex_lock(&station->lock);
    flow_begin(&station->down);
    flow_begin(&station->up);
    station->sent_before = counts.frames_sent;
    station->failed_before = counts.sends_failed;
    pthread_mutex_unlock(&station->lock);
}

/* ---- what comes out ---- */

static void check(struct station *station, struct flow *flow, enum frame_direction wanted, const uint8_t *frame, size_t length)
{
    enum frame_direction direction;
    uint64_t number;
    const char *why = NULL;
    bool down = wanted == FRAME_DOWN;
    const uint8_t *to = down ? peer_mac : station->mac, *from = down ? station->mac : peer_mac;
    enum frame_verdict verdict = frame_check(frame, length, &direction, &number, &why);
    if (verdict == FRAME_FOREIGN) { /* another scenario's, or what the driver says itself, a gratuitous ARP for one */
        if (station->foreign)
            station->foreign(station->foreign_context, !down, frame, length);
        return;
    }
    if (!why && direction != wanted)
        why = "it goes the other way";
    if (!why && (memcmp(frame, to, 6) != 0 || memcmp(frame + 6, from, 6) != 0))
        why = "its addresses changed";
    pthread_mutex_lock(&station->lock);
    if (!why && number >= flow->next)
        why = "nobody sent it yet";
    else if (!why && number < flow->expected)
        why = "it came before, or after a later one";
    if (!why) {
        flow->expected = number + 1;
        flow->arrived += number >= flow->first;
    }
    pthread_mutex_unlock(&station->lock);
    if (why && !station->world->misbehaves)
        world_fail(station->world, "station %u, frame %" PRIu64 " (%zu bytes) %s: %s", station->index, number, length,
                   down ? "sent" : "received", why);
    sched_event_set(&station->moved);
}

/* Without hardware: frames of any station may come out at any other, and at their own; each is whole and was sent. */
static void check_virtual(struct station *station, const uint8_t *frame, size_t length)
{
    struct world *world = station->world;
    struct station *sender = NULL;
    enum frame_direction direction;
    uint64_t number;
    const char *why = NULL;
    if (frame_check(frame, length, &direction, &number, &why) == FRAME_FOREIGN) {
        if (station->foreign)
            station->foreign(station->foreign_context, true, frame, length);
        return;
    }
    for (unsigned i = 0; i < world->station_count; ++i)
        if (memcmp(frame + 6, world->stations[i].mac, 6) == 0)
            sender = &world->stations[i];
    if (!why && (!sender || memcmp(frame, peer_mac, 6) != 0))
        why = "its addresses changed";
    if (!why) {
        pthread_mutex_lock(&sender->lock);
        if (number >= sender->down.next)
            why = "nobody sent it yet";
        else
            ++sender->down.arrived;
        pthread_mutex_unlock(&sender->lock);
    }
    if (why)
        world_fail(world, "station %u, frame %" PRIu64 " (%zu bytes) received: %s", station->index, number, length, why);
    sched_event_set(&station->moved);
}

void traffic_arrived(void *context, const uint8_t *frame, size_t length)
{
    struct station *station = context;
    check(station, &station->down, FRAME_DOWN, frame, length);
}

void traffic_received(void *context, const struct iovec *parts, unsigned part_count)
{
    struct station *station = context;
    uint8_t frame[LONGEST_FRAME + 64];
    size_t length = 0;
    for (unsigned i = 0; i < part_count; ++i) {
        if (parts[i].iov_len > sizeof(frame) - length)
            return; /* longer than anything that was sent: not one of ours */
        memcpy(frame + length, parts[i].iov_base, parts[i].iov_len);
        length += parts[i].iov_len;
    }
    if (device_is_virtual(station->device))
        check_virtual(station, frame, length);
    else
        check(station, &station->up, FRAME_UP, frame, length);
}

/* ---- what goes in ---- */

/* Short, long and in between; now and then the extremes. */
static size_t choose_length(const struct station *station, struct random *random, size_t shortest)
{
    switch (random_between(random, 0, 7)) {
    case 0:
        return shortest;
    case 1:
        return station->longest;
    case 2:
        return random_between(random, (unsigned)shortest, station->longest < SHORT_FRAME ? (unsigned)station->longest : SHORT_FRAME);
    default:
        return random_between(random, (unsigned)shortest, (unsigned)station->longest);
    }
}

static uint64_t take_number(struct station *station, struct flow *flow)
{
    pthread_mutex_lock(&station->lock);
    uint64_t number = flow->next++;
    pthread_mutex_unlock(&station->lock);
    return number;
}

static void send_down(struct station *station, struct random *random, unsigned count)
{
    uint8_t frame[LONGEST_FRAME];
    struct send_path *path = station->adapter->send;
    struct send_batch batch;
    send_batch_begin(&batch, path);
    for (unsigned i = 0; i < count; ++i) {
        size_t length = choose_length(station, random, FRAME_SHORTEST);
        frame_make(frame, length, peer_mac, station->mac, FRAME_DOWN, take_number(station, &station->down));
        send_batch_add(&batch, frame, length);
    }
    send_batch_submit(&batch);
}

static uint64_t on_their_way_up(struct station *station)
{
    pthread_mutex_lock(&station->lock);
    uint64_t count = station->up.next - station->up.first - station->up.arrived;
    pthread_mutex_unlock(&station->lock);
    return count;
}

static void send_up(struct station *station, struct random *random, unsigned count)
{
    uint8_t frame[LONGEST_FRAME];
    for (unsigned i = 0; i < count; ++i) {
        size_t length = choose_length(station, random, FRAME_WIRE_SHORTEST);
        pthread_mutex_lock(&station->lock);
        uint64_t number = station->up.next++;
        pthread_mutex_unlock(&station->lock);
        frame_make(frame, length, station->mac, peer_mac, FRAME_UP, number);
        if (device_send_in(station->device, frame, length))
            continue;
        pthread_mutex_lock(&station->lock);
        if (station->up.next == number + 1)
            station->up.next = number; /* it never left */
        pthread_mutex_unlock(&station->lock);
        return;
    }
}

static void wait_for_room(struct station *station, unsigned count)
{
    uint64_t deadline = world_deadline(PATIENCE_MS);
    while (sched_now() < deadline && !world_failed(station->world) && !station_device_gone(station) &&
           (send_outstanding(station->adapter->send) + count > SEND_OUTSTANDING_MAX ||
            (!station->world->may_lose && !world_has_misfortune(station->world) && on_their_way_up(station) + count > UP_WINDOW)))
        sched_event_wait(&station->moved, sched_now() + TICKS_PER_MS);
}

/* What nobody can send in from outside, the neighbour sends. */
static void exchange_with_neighbour(struct station *station, struct random *random, unsigned burst)
{
    struct station *neighbour = &station->world->stations[1];
    send_down(station, random, burst);
    if (neighbour != station && neighbour->edge && !neighbour->load &&
        send_outstanding(neighbour->adapter->send) + burst <= SEND_OUTSTANDING_MAX)
        send_down(neighbour, random, burst);
}

void station_exchange(struct station *station, unsigned count)
{
    struct random *random = &station->world->random;
    while (count) {
        unsigned burst = random_between(random, 1, count < BURST_MOST ? count : BURST_MOST);
        wait_for_room(station, burst);
        if (device_is_virtual(station->device)) {
            exchange_with_neighbour(station, random, burst);
        } else if (random_chance(random, 50)) {
            send_down(station, random, burst);
            send_up(station, random, burst);
        } else {
            send_up(station, random, burst);
            send_down(station, random, burst);
        }
        count -= burst;
    }
}

/* ---- at rest ---- */

struct balance {
    uint64_t sent, failed, arrived, up_sent, up_arrived;
};

static struct balance take_balance(struct station *station)
{
    struct adapter_counts counts = adapter_counts(station->adapter);
    pthread_mutex_lock(&station->lock);
    struct balance balance = {
        .sent = counts.frames_sent - station->sent_before,
        .failed = counts.sends_failed - station->failed_before,
        .arrived = station->down.arrived,
        .up_sent = station->up.next - station->up.first,
        .up_arrived = station->up.arrived,
    };
    pthread_mutex_unlock(&station->lock);
    return balance;
}

/* Without hardware: whether and how often a frame comes out is the driver's affair. */
static bool balanced(const struct station *station, const struct balance *balance)
{
    if (device_is_virtual(station->device))
        return true;
    return balance->arrived + balance->failed >= balance->sent && balance->up_arrived == balance->up_sent;
}

bool station_settle(struct station *station)
{
    struct world *world = station->world;
    uint64_t deadline = world_deadline(PATIENCE_MS);
    bool lenient = world->may_lose;
    struct balance balance;
    for (;;) {
        lenient = world->may_lose || world_has_misfortune(world);
        balance = take_balance(station);
        if (station_device_gone(station)) /* what is out comes back with the removal */
            return false;
        bool quiet = send_outstanding(station->adapter->send) == 0;
        if ((quiet && (lenient || balanced(station, &balance))) || sched_now() >= deadline || world_failed(world))
            break;
        sched_event_wait(&station->moved, sched_now() + TICKS_PER_MS);
    }
    if (send_outstanding(station->adapter->send) && !world_failed(world))
        world_fail(world, "station %u: %u sends were not completed within %d s", station->index, send_outstanding(station->adapter->send),
                   PATIENCE_MS / 1000);
    if (!lenient && !balanced(station, &balance) && !world_failed(world))
        world_fail(world,
                   "station %u lost frames: %" PRIu64 " sent, %" PRIu64 " of them failed, %" PRIu64 " arrived; %" PRIu64
                   " sent to it, %" PRIu64 " received",
                   station->index, balance.sent, balance.failed, balance.arrived, balance.up_sent, balance.up_arrived);
    if (!lenient && balance.failed && !world_failed(world))
        world_fail(world, "station %u: %" PRIu64 " of %" PRIu64 " sends failed for no reason", station->index, balance.failed,
                   balance.sent);
    return !world_failed(world);
}

bool station_prove(struct station *station, unsigned count)
{
    struct world *world = station->world;
    uint64_t sent_before = adapter_counts(station->adapter).frames_sent;
    for (unsigned done = 0; done < count && !world_failed(world); done += PIECE)
        station_exchange(station, count - done < PIECE ? count - done : PIECE);
    if (!station_settle(station))
        return false;
    uint64_t sent = adapter_counts(station->adapter).frames_sent - sent_before;
    if (sent < count && !world->may_lose && !world_has_misfortune(world))
        world_fail(world, "station %u: only %" PRIu64 " of %u frames could be handed to the driver", station->index, sent, count);
    return !world_failed(world);
}

bool station_prove_anew(struct station *station, unsigned count)
{
    station_load_stop(station);
    if (!station_settle(station))
        return false;
    station->world->may_lose = false;
    traffic_begin(station);
    return station_prove(station, count);
}

bool station_prove_recovery(struct station *station, unsigned count)
{
    struct world *world = station->world;
    if (!device_faults_are_over(station->device) || station_device_gone(station) || world_failed(world))
        return !world_failed(world);
    station_expect_explanation(station);
    /* A fault that costs a frame and nothing else needs no recovery; a reset that is under way is short. */
    world_sleep(RECOVERY_MS);
    world->misbehaves = false;
    world->may_lose = true; /* what was under way */
    return station_wait_link(station, LINK_UP) && station_prove_anew(station, count);
}

/* ---- load ---- */

static void load_thread(void *argument)
{
    struct station *station = argument;
    struct random *random = &station->load_random;
    while (!station->load_stops && !world_failed(station->world)) {
        unsigned burst = random_between(random, 1, BURST_MOST);
        if (send_outstanding(station->adapter->send) + burst <= SEND_OUTSTANDING_MAX)
            send_down(station, random, burst);
        if (!device_is_virtual(station->device))
            send_up(station, random, burst);
        /* A load that never pauses would leave a processor no time for anything but DPCs, slow as a seed may make it. */
        sched_dpc_flush();
        sched_sleep_until(sched_now() + random_between(random, 1, TICKS_PER_MS / 2));
    }
}

void station_load_start(struct station *station)
{
    station->load_stops = false;
    station->load = sched_thread_start("load", SCHED_ANY_PROCESSOR, load_thread, station);
}

void station_load_stop(struct station *station)
{
    if (!station->load)
        return;
    station->load_stops = true;
    sched_event_set(&station->moved);
    sched_thread_join(station->load);
    station->load = NULL;
}

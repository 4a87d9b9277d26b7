/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* expected.c - a queue of frames that are awaited, and the comparison of those that come. */
#include "scenario/expected.h"

#include <stdlib.h>
#include <string.h>

#include "scenario/frame.h"

enum { POLL_TICKS = TICKS_PER_MS, ADDRESSES_BYTES = 12, TAG_BYTES = 4 };

struct expected_frame {
    struct expected_frame *next;
    bool tag_may_go;
    size_t two_zeros; /* where a checksum is that is 0, written one way or the other; 0: nowhere */
    size_t length;
    uint8_t bytes[];
};

void expected_init(struct expected *expected, struct station *station, const char *what)
{
    memset(expected, 0, sizeof(*expected));
    expected->station = station;
    expected->what = what;
    expected->end = &expected->first;
    pthread_mutex_init(&expected->lock, NULL);
}

static void remove_first(struct expected *expected)
{
    struct expected_frame *first = expected->first;
    expected->first = first->next;
    if (!expected->first)
        expected->end = &expected->first;
    expected->waiting--;
    free(first);
}

void expected_clear(struct expected *expected)
{
    pthread_mutex_lock(&expected->lock);
    while (expected->first)
        remove_first(expected);
    pthread_mutex_unlock(&expected->lock);
}

static void add(struct expected *expected, const uint8_t *frame, size_t length, bool tag_may_go, size_t two_zeros)
{
    struct expected_frame *added = malloc(sizeof(*added) + length);
    if (!added)
        abort();
    added->next = NULL;
    added->length = length;
    added->tag_may_go = tag_may_go;
    added->two_zeros = two_zeros;
    memcpy(added->bytes, frame, length);
    pthread_mutex_lock(&expected->lock);
    *expected->end = added;
    expected->end = &added->next;
    expected->waiting++;
    pthread_mutex_unlock(&expected->lock);
}

void expected_add(struct expected *expected, const uint8_t *frame, size_t length)
{
    add(expected, frame, length, false, 0);
}

void expected_add_tagged(struct expected *expected, const uint8_t *frame, size_t length)
{
    add(expected, frame, length, true, 0);
}

static bool is_zero(const uint8_t *sum)
{
    return sum[0] == sum[1] && (sum[0] == 0 || sum[0] == 0xFF);
}

void expected_add_built(struct expected *expected, const struct built_packet *packet, bool tcp)
{
    bool two = tcp && packet->sum && is_zero(packet->bytes + packet->sum);
    add(expected, packet->bytes, packet->length, false, two ? packet->sum : 0);
}

/* The frame is the awaited one without its outer tag. */
static bool lost_its_tag(const struct expected_frame *awaited, const uint8_t *frame, size_t length)
{
    return length + TAG_BYTES == awaited->length && memcmp(frame, awaited->bytes, ADDRESSES_BYTES) == 0 &&
           memcmp(frame + ADDRESSES_BYTES, awaited->bytes + ADDRESSES_BYTES + TAG_BYTES, length - ADDRESSES_BYTES) == 0;
}

/* Where the frame that came differs; -1: it is this one. */
static long difference(const struct expected_frame *awaited, const uint8_t *frame, size_t length)
{
    if (awaited->tag_may_go && lost_its_tag(awaited, frame, length))
        return -1;
    size_t common = length < awaited->length ? length : awaited->length;
    size_t zero = awaited->two_zeros && awaited->two_zeros + 2 <= common && is_zero(frame + awaited->two_zeros) ? awaited->two_zeros : 0;
    for (size_t at = 0; at < common; ++at)
        if (frame[at] != awaited->bytes[at] && !(zero && (at == zero || at == zero + 1)))
            return (long)at;
    for (size_t at = common; at < length; ++at)
        if (length > FRAME_WIRE_SHORTEST || frame[at])
            return (long)at;
    return length >= awaited->length ? -1 : (long)length;
}

/* The awaited frame that came, counted from the first; -1: none. */
static int find(const struct expected *expected, const uint8_t *frame, size_t length)
{
    int at = 0;
    for (const struct expected_frame *awaited = expected->first; awaited; awaited = awaited->next, ++at) {
        if (difference(awaited, frame, length) < 0)
            return at;
        if (!expected->may_skip)
            return -1;
    }
    return -1;
}

void expected_arrived(struct expected *expected, const uint8_t *frame, size_t length)
{
    struct world *world = expected->station->world;
    bool lenient = expected->may_skip || world_has_misfortune(world);
    pthread_mutex_lock(&expected->lock);
    int skipped = find(expected, frame, length);
    if (skipped >= 0) {
        for (int i = 0; i < skipped; ++i)
            remove_first(expected);
        remove_first(expected);
        expected->skipped += (unsigned)skipped;
        expected->arrived++;
    } else if (!lenient && !expected->first) {
        world_fail(world, "station %u: a frame of %zu bytes (type 0x%02x%02x) was %s that nobody awaits", expected->station->index, length,
                   frame[12], frame[13], expected->what);
    } else if (!lenient) {
        world_fail(world, "station %u: frame %u is %s wrong: %zu bytes of %zu, the first difference at %ld", expected->station->index,
                   expected->arrived + 1, expected->what, length, expected->first->length, difference(expected->first, frame, length));
    }
    pthread_mutex_unlock(&expected->lock);
    sched_event_set(&expected->station->moved);
}

unsigned expected_waiting(struct expected *expected)
{
    pthread_mutex_lock(&expected->lock);
    unsigned waiting = expected->waiting;
    pthread_mutex_unlock(&expected->lock);
    return waiting;
}

bool expected_all(struct expected *expected)
{
    struct world *world = expected->station->world;
    uint64_t deadline = world_deadline(PATIENCE_MS);
    while (expected_waiting(expected) && sched_now() < deadline && !world_failed(world) && !station_device_gone(expected->station) &&
           !world_has_misfortune(world))
        sched_event_wait(&expected->station->moved, sched_now() + POLL_TICKS);
    if (expected_waiting(expected) && !expected->may_skip && !world_has_misfortune(world))
        world_fail(world, "station %u: %u frames were not %s, %u were", expected->station->index, expected_waiting(expected),
                   expected->what, expected->arrived);
    return !world_failed(world);
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_no_buffers.c - the network stack keeps every receive buffer, twice, and frames come in while the adapter is paused: what the
 * driver counts then, in its diagnostics and towards NDIS. Frames discarded are frames; that the device had no buffer is an event.
 */
#include "abi/nt_constants.h"
#include "ndis/miniport.h"
#include "ndis/receive.h"
#include "scenario/diagnostics.h"
#include "scenario/scenario.h"

enum {
    RING = 4,
    FRAMES_HELD = 64, /* more than the adapter has buffers */
    FRAMES_PAUSED = 5,
    PERIODS = 2,
};

struct figures {
    uint64_t ring_empty; /* of the diagnostics */
    uint64_t no_buffer;  /* OID_GEN_RCV_NO_BUFFER */
    uint64_t discards;   /* OID_GEN_STATISTICS */
};

static bool read_figures(struct station *station, struct io_file *file, struct figures *figures)
{
    uint8_t counters[DIAGNOSTICS_SIZE_MAX];
    nt_NDIS_STATISTICS_INFO statistics;
    bool read =
        diagnostics_query(file, DIAGNOSTICS_COUNTERS, station->mac, counters).status == NT_STATUS_SUCCESS &&
        adapter_oid_query(station->adapter, NT_OID_GEN_RCV_NO_BUFFER, &figures->no_buffer, sizeof(figures->no_buffer), NULL, NULL) ==
            NT_NDIS_STATUS_SUCCESS &&
        adapter_oid_query(station->adapter, NT_OID_GEN_STATISTICS, &statistics, sizeof(statistics), NULL, NULL) == NT_NDIS_STATUS_SUCCESS;
    if (!read) {
        if (!world_has_misfortune(station->world))
            world_fail(station->world, "the figures cannot be read");
        return false;
    }
    figures->ring_empty = diagnostics_value(DIAGNOSTICS_COUNTERS, counters, "RxRingEmpty");
    figures->discards = statistics.ifInDiscards;
    return true;
}

static void send_frames(struct station *station, unsigned count)
{
    uint8_t frame[64] = {[6] = 0x02, [12] = 0x88, [13] = 0xB5};
    for (unsigned i = 0; i < 6; ++i)
        frame[i] = station->mac[i];
    for (unsigned i = 0; i < count; ++i)
        device_send_in(station->device, frame, sizeof(frame));
    device_come_to_rest(station->device);
}

static void expect(struct world *world, const char *what, uint64_t value, uint64_t wanted)
{
    if (value != wanted && !world_has_misfortune(world))
        world_fail(world, "%s rose by %llu, and should have by %llu", what, (unsigned long long)value, (unsigned long long)wanted);
}

/* On a slow processor what the device has done is not yet the driver's: waits until figures have risen by so much. */
static bool wait_for_figures(struct station *station, struct io_file *file, const struct figures *before, struct figures *now,
                             uint64_t empty, uint64_t discards)
{
    uint64_t deadline = world_deadline(PATIENCE_MS);
    bool read;
    while (read = read_figures(station, file, now),
           read && (now->ring_empty - before->ring_empty < empty || now->discards - before->discards < discards) && sched_now() < deadline)
        world_sleep(1);
    return read;
}

/* Nothing is on its way to the driver, and the network stack has nothing of it. */
static void let_go(struct station *station)
{
    uint64_t deadline = world_deadline(PATIENCE_MS);
    receive_hold(station->adapter->receive, false);
    do
        device_come_to_rest(station->device);
    while ((model_condition(device_model(station->device)).backlog || receive_outstanding(station->adapter->receive)) &&
           sched_now() < deadline && !world_failed(station->world));
}

/* The ring is empty once, however often the driver is made to look at it meanwhile: a storm of interrupts, which a device has one of. */
static bool hold_everything(struct station *station, struct io_file *file, bool storm)
{
    struct world *world = station->world;
    struct figures before, after;
    if (!read_figures(station, file, &before))
        return false;
    receive_hold(station->adapter->receive, true);
    send_frames(station, FRAMES_HELD);
    if (!wait_for_figures(station, file, &before, &after, 1, 0))
        return false;
    if (storm)
        model_add_fault(device_model(station->device), (unsigned)model_fault_find("interrupt-storm"), 1);
    device_come_to_rest(station->device);
    bool good = read_figures(station, file, &after);
    if (good) {
        expect(world, "RxRingEmpty", after.ring_empty - before.ring_empty, 1);
        expect(world, "OID_GEN_RCV_NO_BUFFER", after.no_buffer - before.no_buffer, 1);
    }
    let_go(station);
    return good && !world_failed(world);
}

/* What was delivered to a paused adapter is all that was discarded; that the ring was empty before discarded nothing. */
static void discard(struct station *station, struct io_file *file, const struct figures *began)
{
    struct model *model = device_model(station->device);
    struct figures ended;
    if (adapter_pause(station->adapter) != NT_NDIS_STATUS_SUCCESS)
        return;
    uint64_t delivered = model_counts(model).frames_delivered;
    send_frames(station, FRAMES_PAUSED);
    delivered = model_counts(model).frames_delivered - delivered;
    if (!wait_for_figures(station, file, began, &ended, 0, delivered) || !station_restart(station))
        return;
    expect(station->world, "the frames that came while paused", delivered, FRAMES_PAUSED);
    expect(station->world, "ifInDiscards", ended.discards - began->discards, delivered);
}

void play_no_buffers(struct world *world)
{
    struct station *station = &world->stations[0];
    struct model_options *options = world_model(world);
    struct figures began;
    struct io_file *file;
    if (options) {
        options->queue_sizes[0] = RING;
        world_set_keyword(world, "*ReceiveBuffers", "16");
    }
    if (!world_start_one(world))
        return;
    if (!options || world->misbehaves) {
        world_inapplicable(world, "only a model device of good will has a ring of the scenario's size");
        return;
    }
    if (io_open(DIAGNOSTICS_PATH, IO_USER_EVERYBODY, IO_GENERIC_READ, &file) != NT_STATUS_SUCCESS) {
        if (!world_has_misfortune(world))
            world_inapplicable(world, "the driver has no diagnostics device that is known");
        return;
    }
    bool good = read_figures(station, file, &began);
    for (unsigned i = 0; i < PERIODS && good; ++i)
        good = hold_everything(station, file, i == 0);
    if (good)
        discard(station, file, &began);
    io_close(file);
}

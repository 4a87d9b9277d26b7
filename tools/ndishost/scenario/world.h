/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * world.h - what one scenario lives in: a driver, up to four stations (an adapter on a device, with traffic in both directions), choices
 * that follow from a seed, and one verdict. A world belongs to one process; everything runs on a thread of sched.h at PASSIVE_LEVEL
 * unless said otherwise.
 *
 * Steps of a scenario return false when the scenario cannot go on. Whose fault that is has been noted then: world_fail() when the driver
 * had no reason, nothing when it was refused something (acquire.h) or its device is gone. Either way the scenario takes down what is up.
 */
#ifndef NDISHOST_SCENARIO_WORLD_H
#define NDISHOST_SCENARIO_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "exec/sched.h"
#include "ndis/adapter.h"
#include "scenario/choice.h"
#include "scenario/device.h"

enum {
    STATIONS_MAX = 4,
    TICKS_PER_MS = 10000, /* of sched_now() */
    PATIENCE_MS = 20000,
    ORDINARY_FRAME = 1514,
    LONGEST_FRAME = 9014, /* with *JumboPacket */
    WORLD_KEYWORDS_MAX = 352,
};

struct world_options {
    const struct image_facts *facts;
    const char *service; /* the driver's name */
    struct device_choice device;
    enum adapter_interrupts interrupts;
    const struct keyword *keywords;
    unsigned keyword_count;
    uint64_t seed;
    uint64_t cut_at; /* the first device of station 0 vanishes at that register access; 0: it does not */
};

/* One direction. Frames are numbered as they are made and checked as they come; they are counted from `first` on. */
struct flow {
    uint64_t first;    /* of those that are counted now */
    uint64_t next;     /* of the next frame to make */
    uint64_t expected; /* the lowest that may still come */
    uint64_t arrived;  /* good ones that are counted */
};

/* A frame that is not one of the numbered ones: it left the device, or (`up`) was indicated. Any thread, short. */
typedef void foreign_frame(void *context, bool up, const uint8_t *frame, size_t length);

/* The driver has told NDIS of a link change; on its thread or DPC, at its IRQL. */
typedef void link_told(void *context);

struct world;
struct station {
    struct world *world;
    unsigned index;
    struct plugged_device *device; /* NULL: unplugged */
    struct adapter *adapter;       /* NULL: not created, or halted and destroyed */
    struct upper_edge *edge;       /* NULL: not bound */
    uint8_t mac[6];                /* the adapter's */
    size_t longest;                /* of the numbered frames */
    foreign_frame *foreign;        /* NULL: nobody cares; set while nothing is bound */
    void *foreign_context;
    pthread_mutex_t lock;                /* guards the flows; held for a few statements */
    struct flow down, up;                /* sent by the adapter, sent to it */
    uint64_t sent_before, failed_before; /* the adapter's own counts when counting began */
    struct sched_event moved;            /* something arrived */
    struct sched_event link_moved;
    atomic_int link; /* enum link_state */
    link_told *told; /* NULL: nobody else cares; set and cleared while no link changes */
    void *told_context;
    unsigned entries_before;   /* in the event log, when the device was plugged in */
    struct sched_thread *load; /* the load thread, NULL: none */
    atomic_bool load_stops;
    struct random load_random;
};

struct world {
    const struct world_options *options;
    struct device_choice device;                 /* the options'; a scenario may change it before the device is plugged in */
    struct keyword keywords[WORLD_KEYWORDS_MAX]; /* likewise */
    unsigned keyword_count;
    struct random random;
    struct driver *driver;
    struct station stations[STATIONS_MAX];
    unsigned station_count;
    bool misbehaves;        /* the device does: frames may get lost, damaged, doubled, and steps may fail */
    bool switched_off;      /* MiniportShutdownEx was called: nothing is taken down any more */
    bool may_lose;          /* frames may get lost by what the scenario does: only content and order are checked */
    uint64_t cut_at;        /* the next device of station 0 vanishes at that register access; 0: it does not */
    uint64_t accesses;      /* of the image to that device's registers, when it was unplugged */
    char failure[1024];     /* why the scenario failed, first cause; "" */
    char inapplicable[160]; /* why there was nothing to test; "" */
};

/* `options` must outlive the world. */
void world_init(struct world *world, const struct world_options *options);
/* Takes down whatever is up, in good order, and audits. The last step of every run. */
void world_finish(struct world *world);

void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_inapplicable(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True when the driver may fail without fault: it was refused something, or a device is gone or misbehaves. */
bool world_has_misfortune(const struct world *world);
bool world_failed(const struct world *world);

/* Sets a keyword of adapters that are created from now on; the texts must outlive the world. */
void world_set_keyword(struct world *world, const char *name, const char *value);
/* The properties of a model device that is plugged in from now on; NULL: it is another kind of device. */
struct model_options *world_model(struct world *world);
/* Devices that are plugged in from now on do not verify sums that the driver leaves as they are: the scenario sends broken frames. */
void world_trust_sums(struct world *world);
/* From now on the device misbehaves, by the scenario's own doing. */
void world_expect_misfortune(struct world *world);

/* ---- driver ---- */
bool world_load(struct world *world);
void world_unload(struct world *world);

/* ---- stations ---- */
/* Plugs a fresh device in (if none is), creates the adapter and initialises it. */
bool station_start(struct station *station);
/* Binds the upper edge, which restarts the adapter, and waits for the link. */
bool station_bind(struct station *station);
/* Ends load and binding; the adapter is paused afterwards. */
void station_unbind(struct station *station);
/* Unbinds, halts, destroys the adapter; surprise removal when the device is gone. The device stays plugged in unless it is gone. */
void station_stop(struct station *station);
void station_unplug(struct station *station);
/* The usual beginning: driver, one station, bound; without hardware a second one beside it, for what crosses between the two. */
bool world_start_one(struct world *world);
/* Surprise removal in PnP's order (PNP-01), in the middle of whatever goes on; the adapter is halted, unbound and destroyed afterwards. */
void station_remove_by_surprise(struct station *station);
/*
 * Where the device did something that a driver has to notice (model_fault_info.told), waits for an entry in the event log, for as long as
 * several hang checks take, and fails without one.
 */
void station_expect_explanation(struct station *station);
/* MiniportRestart after adapter_pause(). */
bool station_restart(struct station *station);
/* Its device is plugged in, but does not answer any more. */
bool station_device_gone(const struct station *station);
/* Waits for the link to become `link`. */
bool station_wait_link(struct station *station, enum link_state link);

/* ---- traffic ---- */
/* Sends `count` frames of all lengths down in batches, and as many up where the device takes frames. */
void station_exchange(struct station *station, unsigned count);
/* Waits until nothing is under way; then compares the counts, unless frames may be lost. */
bool station_settle(struct station *station);
/* exchange, in pieces, and settle: a proof that the adapter works. */
bool station_prove(struct station *station, unsigned count);
/*
 * A device that misbehaved once and does no more: waits until the adapter is out of it, and proves that from then on none is lost. True and
 * nothing done for any other device.
 */
bool station_prove_recovery(struct station *station, unsigned count);
/* After a time when frames could get lost: ends the load, forgets what was under way, and proves that none is lost any more. */
bool station_prove_anew(struct station *station, unsigned count);
/* Traffic in both directions from a thread of its own, until stopped; it does not mind when the adapter pauses or halts. */
void station_load_start(struct station *station);
void station_load_stop(struct station *station);

/* ---- time ---- */
void world_sleep(unsigned milliseconds);
static inline uint64_t world_deadline(unsigned milliseconds)
{
    return sched_now() + (uint64_t)milliseconds * TICKS_PER_MS;
}

#endif

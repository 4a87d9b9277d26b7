/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_device.h - the model device: a virtio-net PCI function inside the process that is any device the specification allows, that
 * verifies its driver, and that misbehaves on request.
 *
 *   model:contract    contract AERO-W7-VIRTIO v1: fixed layout in BAR0, 10-byte header, notified after every publish
 *   model             virtio 1.x with the features, layout, queue sizes and vectors that the options name
 *
 * What the driver does is checked against the driver's requirements of the specification; a breach is a violation of rule G*, P*, Q*
 * or N*. Transmitted frames are completed and cut up as a host would (checksums, segmentation), and every resulting frame is verified
 * by a parser that shares nothing with that code. The outside is a *peer*: frames that left the adapter arrive at its function, and
 * model_inject() sends frames the other way.
 *
 * The device works in steps: a register access only notes what is to be done. Steps are taken by an agent (exec/sched.h), or, for
 * tests that want each one, by the caller.
 */
#ifndef NDISHOST_PCI_MODEL_MODEL_DEVICE_H
#define NDISHOST_PCI_MODEL_MODEL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../include/ndishost/pci_device.h"

/* ---- options ---- */

enum model_layout_kind {
    MODEL_LAYOUT_CONTRACT, /* the four structures of the contract, in BAR0 */
    MODEL_LAYOUT_QEMU,     /* as QEMU lays its device out: BAR4, other order, pages */
    MODEL_LAYOUT_SPREAD,   /* each structure in a BAR of its own */
    MODEL_LAYOUT_RANDOM,   /* by the seed: BARs, offsets, lengths, junk and repeated capabilities */
};

/* Which of the contract's four structures lies elsewhere than the contract says, with layout=contract: a false claim. */
enum model_moved { MODEL_MOVED_NONE, MODEL_MOVED_COMMON, MODEL_MOVED_NOTIFY, MODEL_MOVED_ISR, MODEL_MOVED_DEVICE };

/* What the device says about the checksums of frames it delivers, where GUEST_CSUM allows it to say something. */
enum model_receive_sums { MODEL_SUMS_PLAIN, MODEL_SUMS_VALID, MODEL_SUMS_PARTIAL, MODEL_SUMS_MIXED };

enum { MODEL_FAULTS_MAX = 8, MODEL_PAIRS_MAX = 8, MODEL_QUEUES_MAX = 2 * MODEL_PAIRS_MAX + 1 };

/* One misbehaviour: at its `at`th opportunity, or from there on if that is its nature (model_fault_list()). */
struct model_fault_choice {
    unsigned kind; /* index into model_fault_list() */
    uint64_t at;   /* counted from 1 */
};

struct model_options {
    enum model_layout_kind layout;
    enum model_moved moved;
    uint64_t features;       /* offered */
    uint16_t queue_sizes[3]; /* receive, transmit, control; powers of two, 1..32768 */
    uint16_t pairs;          /* max_virtqueue_pairs when MQ is offered, 1..MODEL_PAIRS_MAX */
    unsigned vectors;        /* entries of the MSI-X table, 0 (no capability) .. 2048 */
    uint64_t seed;           /* decides the random layout, and what misbehaviours leave open */
    uint32_t multiplier;     /* notify_off_multiplier; MODEL_MULTIPLIER_OF_LAYOUT: as the layout has it */
    uint8_t mac[6];
    uint16_t mtu;
    uint32_t speed; /* Mbit/s; above 0x7fffffff: unknown */
    uint8_t duplex; /* 0 half, 1 full, else unknown */
    uint8_t revision;
    uint16_t subsystem_vendor, subsystem;
    bool transitional; /* the id that has a legacy interface too, whose ports nobody answers; never a contract device */
    bool link_down;    /* at the start */
    enum model_receive_sums receive_sums;
    bool trust_sums; /* checksums that the driver did not ask for are not verified: for scenarios that send broken frames */
    struct model_fault_choice faults[MODEL_FAULTS_MAX];
    unsigned fault_count;
    bool stepped_by_caller; /* no agent: model_step() is called by whoever created the device */
};
#define MODEL_MULTIPLIER_OF_LAYOUT UINT32_MAX

/* What `--device model` without properties is. */
void model_options_default(struct model_options *options);
/*
 * Parses what follows "model" on the command line: "", ":contract", ":contract,vectors=3", ":features=default-mrg_rxbuf,queue=16/8/4".
 *   features=  none, default, all, contract or a number; then +NAME and -NAME (csum, mrg_rxbuf, ..., bitN)
 *   layout=    contract, qemu, spread, random            queue=RX[/TX[/CONTROL]]     vectors=N   seed=N   pairs=N   mtu=N
 *   multiplier=N   mac=52:54:...   speed=N   duplex=N    revision=N   subsystem=N    link=up|down
 *   sums=plain|valid|partial|mixed   verify=yes|no       fault=NAME[@N], several times
 *   move=none|common|notify|isr|device   that structure of layout=contract lies 0x100 bytes further on
 *   random     everything by the seed: model_options_random()
 *   transitional   identity of a transitional device as QEMU has it, with the ports of the legacy interface in BAR0 where the layout is
 * QEMU's False: one line in `error`.
 */
bool model_options_parse(const char *text, struct model_options *options, char *error, size_t error_size);
/* False and one line in `error` when no such device can be built. */
bool model_options_check(const struct model_options *options, char *error, size_t error_size);
/* Any device that the specification allows: layout, features, queue sizes, vectors, MTU. The same seed gives the same device. */
void model_options_random(struct model_options *options, uint64_t seed);
/* Is a contract device: it has the contract's layout or claims it by its identity (contract-v1, "claims", "has the layout"). */
bool model_options_is_contract(const struct model_options *options);
/* Some misbehaviour makes the device fail or vanish: DEVICE_NEEDS_RESET is then part of the scenario. */
bool model_options_expect_failure(const struct model_options *options);
/* Some misbehaviour may cost frames, or the start. */
bool model_options_expect_loss(const struct model_options *options);
/* The options as model_options_parse() takes them, for "the command that replays this"; returns buffer. */
const char *model_options_text(const struct model_options *options, char *buffer, size_t size);

/* ---- misbehaviours ---- */

struct model_fault_info {
    const char *name;
    const char *text; /* one line */
    bool persistent;  /* from the chosen opportunity on, not only then */
    bool breaks;      /* the device cannot be expected to work afterwards without a reset, or at all */
    bool told;        /* a driver can tell, and has to write into the event log what was wrong */
    bool harmless;    /* a driver that keeps to the specification loses nothing by it */
};
/* The table of them, in a fixed order; ends with an entry whose name is NULL. */
const struct model_fault_info *model_fault_list(void);
/* Index of the name, or -1. */
int model_fault_find(const char *name);

struct model_misbehaviour {
    const char *told; /* name of one that struck and that a driver has to tell of; NULL: none did */
    bool over;        /* some struck, and none will again */
};

/* ---- life ---- */

/* Builds the device; false and one line in `error` when it cannot be. The host block must outlive it. */
bool model_device_create(const struct model_options *options, const struct ndishost_pci_host *host, struct ndishost_pci_device *device,
                         char *error, size_t error_size);

/* Handle to the rest of this interface, valid until the device is destroyed. Not a model device: NULL. */
struct model;
struct model *model_of(const struct ndishost_pci_device *device);

/*
 * Does one thing: takes one notification, one chain, one frame, or one delayed completion. False: there was nothing to do.
 * From any host thread, also while an agent takes steps.
 */
bool model_step(struct model *model);
/* Steps until there is nothing to do, at most `limit` steps; true when it became idle. */
bool model_drain(struct model *model, unsigned limit);
/*
 * Checks what can be judged only at rest: the caller guarantees that the driver neither runs nor is about to (its calls returned, its
 * DPCs ran). Reports missing notifications (Q14, Q15, HOST-CONTRACT-NOTIFY), changed descriptors of exposed buffers (G17), vectors
 * that were not read back (P20), an announcement without acknowledgement (N29), too little receive space for the MTU (N5).
 */
void model_check_quiescent(struct model *model);
/*
 * The same for a caller who cannot guarantee it, as frames may come from outside and the driver go on. False: something is missing that it
 * may be about to do (a notification, a buffer, an acknowledgement), and nothing is reported: ask again later.
 */
bool model_check_if_quiescent(struct model *model);

/* ---- the outside ---- */

struct model_peer_ops {
    /* A frame left the adapter, complete: checksums filled in, segments cut. On the device's step; may call model_inject(). */
    void (*frame)(void *context, const uint8_t *frame, size_t length);
    /* A control command was carried out: model_filter() is another one. NULL when nobody cares. On the device's step. */
    void (*changed)(void *context);
};
/* Replaces the peer; NULL: frames are counted and forgotten. */
void model_set_peer(struct model *model, const struct model_peer_ops *ops, void *context);

/* What a frame is delivered as. Where the driver did not accept what is asked for, the frame is delivered in the way it did accept. */
struct model_delivery {
    enum model_receive_sums sums; /* PLAIN: header all zero; MIXED: by the seed */
    uint16_t gso_size;            /* not 0: a TCP or UDP frame larger than one segment; cut up when large receive was not accepted */
};
/* Sends a frame towards the driver; NULL delivery: as the options say. False when the backlog is full or the frame too large. */
bool model_inject(struct model *model, const uint8_t *frame, size_t length, const struct model_delivery *delivery);

/* ---- events from outside ---- */

bool model_set_link(struct model *model, bool up); /* false without STATUS */
bool model_announce(struct model *model);          /* asks for announcements; false unless GUEST_ANNOUNCE was accepted */
/* From now on control commands are carried out, and each is answered only by model_control_answer(): late, or never.
 * One at a time waits so. */
void model_control_hold(struct model *model, bool hold);
bool model_control_answer(struct model *model); /* false: none waits for its answer */
/* While held the device takes no frame of the driver's, as a host that has no time; it goes on where it was. */
void model_transmit_hold(struct model *model, bool hold);
void model_set_mtu(struct model *model, uint16_t mtu);
void model_set_speed(struct model *model, uint32_t speed, uint8_t duplex);
void model_needs_reset(struct model *model);
void model_vanish(struct model *model); /* reads all ones from now on, no DMA, no interrupt */
/* Adds a misbehaviour to those of the options, its opportunities counted from now; false when there are too many. */
bool model_add_fault(struct model *model, unsigned kind, uint64_t at);

/* ---- what happened ---- */

struct model_counts {
    uint64_t accesses; /* register accesses, both directions */
    uint64_t resets, doorbells[3], chains[3], completions[3];
    uint64_t frames_sent; /* by the driver, as it handed them over */
    uint64_t frames_out;  /* after segmentation */
    uint64_t frames_injected, frames_delivered;
    uint64_t dropped_link, dropped_filter, dropped_large, dropped_backlog, dropped_stopped, dropped_malformed;
    uint64_t checksums_completed, segmented;
    uint64_t control_commands, control_refused;
    uint64_t interrupts_queue, interrupts_config, interrupts_lost;
    uint64_t faults_fired;
};
struct model_counts model_counts(struct model *model);

struct model_misbehaviour model_misbehaviour(struct model *model);

enum { MODEL_TABLE_MAX = 64 };
/* What the driver asked for by control commands. */
struct model_filter {
    bool programmed; /* some command of the receive or address class came: until then everything is delivered */
    bool promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
    uint8_t mac[6];
    unsigned unicast_count, multicast_count; /* of the tables; more than MODEL_TABLE_MAX: everything of that kind is delivered */
    uint8_t unicast[MODEL_TABLE_MAX][6], multicast[MODEL_TABLE_MAX][6];
    bool vlans_filtered; /* CTRL_VLAN: only these VLANs are delivered */
    uint8_t vlans[4096 / 8];
    uint64_t guest_offloads;
};
struct model_filter model_filter(struct model *model);

struct model_condition {
    uint8_t status;
    uint64_t accepted;
    unsigned header_bytes;
    bool contract, vanished, link_up;
    unsigned exposed[3]; /* chains that the device holds, per queue */
    bool commands_fit;   /* the control queue has two entries or more: no chain is longer than its queue (Q5), and a command takes two */
    unsigned backlog;    /* frames waiting for receive buffers */
    bool announce_owed;  /* model_announce() was not acknowledged yet */
};
struct model_condition model_condition(struct model *model);

#endif

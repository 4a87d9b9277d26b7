/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_state.h - the state of a model device and what its parts offer each other.
 *
 * Locks: `lock` guards everything but the injected frames, which `inject_lock` guards, so that a peer may inject from its callback.
 * Order: lock, then inject_lock. Functions of this header expect `lock` to be held unless they say otherwise.
 */
#ifndef NDISHOST_PCI_MODEL_MODEL_STATE_H
#define NDISHOST_PCI_MODEL_MODEL_STATE_H

#include <pthread.h>

#include "exec/sched.h"
#include "model_config_space.h"
#include "model_faults.h"
#include "model_queue.h"
#include "rules/rules.h"

enum model_queue_role { ROLE_RECEIVE, ROLE_TRANSMIT, ROLE_CONTROL, ROLE_COUNT };

enum { MODEL_BACKLOG_MAX = 1024, MODEL_FRAME_MAX = 65535 + ETHERNET_HEADER + 2 * VLAN_TAG, MODEL_DELAYED_MAX = 64 };

/* A frame on its way to the driver. */
struct model_frame {
    struct model_frame *next;
    struct model_delivery delivery;
    size_t length;
    uint8_t bytes[];
};

/* A completion that is held back. */
struct model_delayed {
    uint8_t role;
    uint16_t head;
    uint32_t written, room;
    uint64_t due; /* in steps */
};

/* What the driver has done since the last reset, as far as the specification has an opinion about it. */
struct model_protocol {
    bool reset_once;         /* some reset since the device exists */
    bool reset_unconfirmed;  /* wrote 0 and has not read 0 */
    bool features_confirmed; /* read FEATURES_OK back */
    bool config_vector_unread;
    bool mac_read, generation_after_mac;
    uint8_t status_written;           /* last */
    bool announce_owed;               /* asked for announcements, not acknowledged */
    bool speed_unread, duplex_unread; /* changed, and not read since */
    unsigned vlan_count;              /* identifiers that the filter lets pass */
    uint8_t feature_words_read;       /* bit n: word n of the offered features */
};

struct model_cable;

struct model {
    struct ndishost_pci_device device; /* ops and this: how model_of() knows us */
    const struct ndishost_pci_host *host;
    struct model_options options;
    struct model_layout layout;
    bool contract;
    unsigned queue_count;
    struct sched_agent agent; /* takes the steps, unless the caller does */
    pthread_mutex_t lock, inject_lock;

    struct model_config_space config;
    struct model_faults faults;
    struct model_random random;
    struct model_protocol protocol;
    bool vanished;
    uint64_t steps;

    /* registers */
    uint32_t device_feature_select, driver_feature_select;
    uint64_t accepted;
    uint8_t status, generation, isr;
    uint8_t status_before_reset;       /* what a slow or stuck reset shows instead of 0 */
    unsigned status_reads_until_reset; /* UINT_MAX: for ever */
    uint16_t config_vector, queue_select;
    struct model_queue queues[MODEL_QUEUES_MAX];
    uint8_t net_config[NET_CONFIG_BYTES];
    unsigned config_churn_left;

    /* interrupts */
    bool line;
    uint8_t *msix_table;    /* vectors * MSIX_ENTRY */
    uint64_t *msix_pending; /* a bit each */
    unsigned storm_left;
    unsigned announcements_left; /* of a storm of them */

    /* frames */
    struct model_cable *cable; /* model_cable.c's; NULL: none */
    const struct model_peer_ops *peer;
    void *peer_context;
    struct model_frame *injected, **injected_end; /* inject_lock */
    unsigned injected_count;                      /* inject_lock */
    uint64_t injected_total, injected_dropped;    /* inject_lock */
    struct model_delayed delayed[MODEL_DELAYED_MAX];
    unsigned delayed_count;
    bool transmit_held;                  /* chains of the transmit queue wait */
    bool control_held;                   /* answers to control commands wait for model_control_answer() */
    bool control_owed;                   /* ... one does */
    struct model_delayed control_answer; /* ... this one */
    bool stalled;                        /* transmits nothing back until it is reset */
    uint8_t *scratch, *segment;          /* MODEL_FRAME_MAX + a header each */
    struct model_filter filter;
    struct model_counts counts;
    char description[96]; /* what describe() says */
};

#define MODEL_BROKEN(model_, id_, ...) rule_violated((id_), (model_), __VA_ARGS__)
#define MODEL_WARNED(model_, id_, ...) rule_warned((id_), (model_), __VA_ARGS__)

static inline bool model_accepted(const struct model *model, unsigned feature)
{
    return model->accepted >> feature & 1;
}

static inline bool model_offers(const struct model *model, unsigned feature)
{
    return model->options.features >> feature & 1;
}

/* The driver knows the MTU: it accepted the feature, and the configuration shows it as it is. */
static inline bool model_mtu_in_force(const struct model *model)
{
    return model_accepted(model, FEATURE_MTU) && !model_fault_chosen(&model->faults, FAULT_MTU_GARBAGE) &&
           !model_fault_chosen(&model->faults, FAULT_MTU_TINY);
}

/*
 * The longest frame that goes through the device. Contract v1 knows no MTU; one of its devices that offers the feature all the same is
 * taken like any other (section 4 of the contract as this project reads it).
 */
static inline size_t model_frame_limit(const struct model *model, unsigned tags)
{
    if (model_mtu_in_force(model))
        return (size_t)model->options.mtu + ETHERNET_HEADER + (size_t)VLAN_TAG * tags;
    return model->contract ? CONTRACT_FRAME_MAX : MODEL_FRAME_MAX;
}

/* ---- model_device.c ---- */
void model_reset(struct model *model);
/* Sets DEVICE_NEEDS_RESET and says so; the queues stop. */
void model_fail(struct model *model);
/* The device works on its queues: DRIVER_OK, mastering the bus, not failed, not gone. */
bool model_is_live(const struct model *model);
/* Bytes of the header in front of every frame. */
unsigned model_header_bytes(const struct model *model);
/* Something is to be done: lets the agent step. */
void model_wake(struct model *model);

/* ---- model_common_cfg.c ---- */
uint64_t model_common_read(struct model *model, uint32_t offset, unsigned width);
void model_common_write(struct model *model, uint32_t offset, unsigned width, uint64_t value);

/* ---- model_registers.c ---- */
uint64_t model_register_read(struct model *model, unsigned bar, uint64_t offset, unsigned width);
void model_register_write(struct model *model, unsigned bar, uint64_t offset, unsigned width, uint64_t value);

/* ---- model_net_config.c ---- */
void model_net_config_init(struct model *model);
uint64_t model_net_config_read(struct model *model, uint32_t offset, unsigned width);
/* A field changed: new generation, and a configuration interrupt once the driver runs. */
void model_net_config_changed(struct model *model);
/* Asks the driver to announce itself. */
void model_net_config_announce(struct model *model);
/* A chain completed: the misbehaviour of a configuration that does not stay as it was. */
void model_net_config_disturb(struct model *model);

/* ---- model_interrupt.c ---- */
void model_interrupt_queue(struct model *model, const struct model_queue *queue);
void model_interrupt_config(struct model *model);
/* An interrupt without a cause: for the misbehaviours. */
void model_interrupt_spurious(struct model *model);
/* The driver read the ISR status. */
uint8_t model_interrupt_isr_read(struct model *model);
/* Line and pending messages after something that gates them changed. */
void model_interrupt_update(struct model *model);
void model_interrupt_table_write(struct model *model, uint32_t offset, uint32_t value);
/* The vector as the device keeps it: NO_VECTOR when there is none such, or a misbehaviour says so. */
uint16_t model_interrupt_vector(struct model *model, const char *what, uint64_t value);

/* ---- model_transmit.c, model_control.c: a chain that was taken; model_receive.c: one injected frame, false: nothing to do ---- */
void model_transmit_serve(struct model *model, const struct model_chain *chain);
void model_control_serve(struct model *model, const struct model_chain *chain);
bool model_receive_step(struct model *model);
/* Judges a receive buffer when it becomes visible; `context` is the model. */
void model_receive_check_buffer(void *context, const struct model_chain *chain);
/* Throws away the frames that wait. Takes inject_lock. */
void model_receive_clear(struct model *model);
/* The frame is one that the driver asked for. */
bool model_filter_passes(const struct model *model, const uint8_t *frame, size_t length);
void model_filter_reset(struct model *model);

/* ---- model_complete.c ---- */
/*
 * Gives a chain back that has `room` writable bytes, now or later, as the misbehaviours have it; shows it to the driver and interrupts
 * if that is wanted.
 */
void model_complete(struct model *model, unsigned role, uint16_t head, uint32_t written, uint32_t room);
/* The same in two parts, for several chains that belong together. */
void model_complete_quietly(struct model *model, unsigned role, uint16_t head, uint32_t written, uint32_t room);
void model_complete_publish(struct model *model, unsigned role);
/* Gives back one chain that was held back until now; false: there is none. */
bool model_complete_delayed(struct model *model);

/* ---- model_step.c ---- */
/* Exposes what the driver made available; fails the device when that was malformed. */
void model_expose(struct model *model, unsigned role);
/* Takes the next exposed chain and counts it; false, and the device has failed: it was malformed. */
bool model_take(struct model *model, unsigned role, struct model_chain *chain);

#endif

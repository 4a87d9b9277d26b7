/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * misuse.h - rules that the sample miniport can be made to break at marked moments of its life: each row of a table names the moment, what
 * is done then, and every rule that is to be reported for it. Functions are called as part of the image, at the IRQL of the moment.
 */
#ifndef NDISHOST_NDIS_TESTS_MISUSE_H
#define NDISHOST_NDIS_TESTS_MISUSE_H

#include "world.h"

/* The subject that a function gets is named behind each; several moments may be joined. */
enum misuse_moment {
    AT_ENTRY = 1 << 0,                 /* DRIVER_OBJECT, registered */
    AT_DRIVER = 1 << 1,                /* NDIS_MINIPORT_DRIVER_CHARACTERISTICS, before they are given */
    AT_OPTIONS = 1 << 2,               /* NDIS_MINIPORT_PNP_CHARACTERISTICS, the same */
    AT_ADD_DEVICE = 1 << 3,            /* bool: false if no attributes are to be set */
    AT_UNREGISTERED = 1 << 4,          /* nothing: MiniportInitializeEx begins */
    AT_REGISTRATION = 1 << 5,          /* NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, before */
    AT_SHARED_COMPLETE = 1 << 6,       /* nothing: asynchronous shared memory has come */
    AT_GENERAL = 1 << 7,               /* NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, before */
    AT_OFFLOAD = 1 << 8,               /* NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, before */
    AT_CONFIGURATION = 1 << 9,         /* an open configuration handle */
    AT_DMA = 1 << 10,                  /* NDIS_SG_DMA_DESCRIPTION, before */
    AT_POOL = 1 << 11,                 /* NET_BUFFER_LIST_POOL_PARAMETERS, before */
    AT_INTERRUPT = 1 << 12,            /* NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, before */
    AT_INTERRUPT_REGISTERED = 1 << 13, /* the same, afterwards */
    AT_INITIALIZED = 1 << 14,          /* bool: false if MiniportInitializeEx is to fail; all is brought up */
    AT_STATUS = 1 << 15,               /* NDIS_STATUS_INDICATION, before */
    AT_RESTART = 1 << 16,              /* struct misuse_call with NDIS_MINIPORT_RESTART_PARAMETERS */
    AT_PAUSE = 1 << 17,                /* struct misuse_call; skip: the sample does nothing itself */
    AT_RESET = 1 << 18,                /* struct misuse_call */
    AT_CHECK_FOR_HANG = 1 << 19,       /* nothing */
    AT_HALT = 1 << 20,                 /* nothing: before the sample takes anything down */
    AT_SHUTDOWN = 1 << 21,             /* nothing */
    AT_INTERRUPTED = 1 << 22,          /* bool: false if the ISR is to decline; before the device is quieted */
    AT_DPC = 1 << 23,                  /* NDIS_RECEIVE_THROTTLE_PARAMETERS */
    AT_SEND = 1 << 24,                 /* bool: false if the NET_BUFFER_LIST is to be kept for ever */
    AT_SG = 1 << 25,                   /* struct misuse_sg */
    AT_SEND_COMPLETE = 1 << 26,        /* uint32_t: SendCompleteFlags */
    AT_RECEIVE = 1 << 27,              /* struct misuse_receive */
    AT_RETURN = 1 << 28,               /* NET_BUFFER_LIST, the first returned */
    AT_OID = 1 << 29,                  /* struct misuse_call with NDIS_OID_REQUEST, after the sample has carried it out */
    AT_TIMER = 1 << 30                 /* nothing: the sample's timer has expired */
};

struct misuse_call {
    void *parameters;
    uint32_t status;
    bool skip;
};

struct misuse_sg {
    nt_SCATTER_GATHER_LIST *list;
    struct sample_tx *tx;
    bool skip; /* neither sent nor freed */
};

struct misuse_receive {
    nt_NET_BUFFER_LIST *list;
    uint32_t flags;
};

struct misuse {
    const char *name;
    unsigned moments;
    void (*act)(unsigned moment, void *subject);
    const char *rules; /* all that are reported, the one of the row first */
    unsigned vectors;
    enum world_ending ending;
    bool offload, sleeps; /* sleeps: the machine is put to sleep and woken */
};

/* A row; conditions of the run may stand behind the rules, by name. */
#define MISUSE(name_, moments_, act_, ...) {.name = name_, .moments = moments_, .act = act_, .rules = __VA_ARGS__}

/* The row of this run, or NULL. */
extern const struct misuse *sample_misuse;
static inline void misuse_at(unsigned moment, void *subject)
{
    if (sample_misuse && sample_misuse->moments & moment)
        sample_misuse->act(moment, subject);
}
/* True the first time in a run. */
bool misuse_first(void);
/* A frame for this station in a receive buffer that is free, ready to be indicated; its sample_rx is busy then. */
nt_NET_BUFFER_LIST *misuse_frame(void);
/* Of a frame that was indicated with NDIS_RECEIVE_FLAGS_RESOURCES. */
void misuse_take_back(nt_NET_BUFFER_LIST *list);

extern const struct misuse misuse_attributes[], misuse_calls[], misuse_life[], misuse_data[], misuse_oids[];
extern const unsigned misuse_attribute_count, misuse_call_count, misuse_life_count, misuse_data_count, misuse_oid_count;

#endif

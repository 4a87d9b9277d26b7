/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * audit.c - what the image still holds when it had to be gone: a rule per kind of object, then the leak audit, then the host takes the
 * objects away so that one fault does not become many.
 */
#include <stdlib.h>

#include "ndis/bus.h"
#include "ndis/configuration.h"
#include "ndis/device.h"
#include "ndis/dma.h"
#include "ndis/handle.h"
#include "ndis/interrupt.h"
#include "ndis/log.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "ndis/port.h"
#include "ndis/rw_lock.h"
#include "ndis/timer.h"
#include "ndis/work_item.h"
#include "rules/rules.h"

enum { AUDIT_LIMIT = 4096, DISCARD_STEPS = 5 };

/* The rule that names this kind of leak at this moment. */
static const char *rule_for(enum handle_kind kind, enum audit_moment moment)
{
    static const struct {
        const char *initialize, *halt, *unload;
    } rules[HANDLE_KIND_COUNT] = {
        [HANDLE_DRIVER] = {"DRV-05", "DRV-05", "DRV-05"},         [HANDLE_NBL_POOL] = {"INI-20", "HLT-10", "DRV-06"},
        [HANDLE_NB_POOL] = {"INI-20", "HLT-10", "DRV-06"},        [HANDLE_DMA] = {"INI-20", "HLT-07", "HLT-07"},
        [HANDLE_INTERRUPT] = {"INI-21", "HLT-02", "HLT-02"},      [HANDLE_TIMER] = {"INI-20", "HLT-05", "DRV-06"},
        [HANDLE_WORK_ITEM] = {"INI-20", "HLT-06", "WRK-03"},      [HANDLE_CONFIGURATION] = {"INI-29", "INI-29", "INI-29"},
        [HANDLE_RW_LOCK] = {"INI-20", "HLT-11", "DRV-06"},        [HANDLE_DEVICE] = {"DEV-05", "DEV-05", "DEV-05"},
        [HANDLE_GENERIC_OBJECT] = {"INI-20", "HLT-01", "DRV-06"}, [HANDLE_LOG] = {"INI-20", "HLT-01", "DRV-06"},
        [HANDLE_PORT] = {"INI-20", "HLT-01", "DRV-06"},
    };

    return moment == AUDIT_INITIALIZE_FAILED ? rules[kind].initialize : moment == AUDIT_HALT ? rules[kind].halt : rules[kind].unload;
}

static void report(const struct handle_facts *facts, enum audit_moment moment, const char *when)
{
    const char *rule = rule_for(facts->kind, moment);
    char who[160];

    if (!rule)
        return;
    image_describe_address(facts->who, who, sizeof(who));
    rule_violated(rule, facts->handle, "%s made at %s is left %s", handle_kind_name(facts->kind), who, when);
    if (facts->kind == HANDLE_TIMER && (timer_queued(facts->object) || timer_running(facts->object)))
        rule_violated(moment == AUDIT_INITIALIZE_FAILED ? "INI-21" : "HLT-04", facts->handle, "a timer is still %s %s",
                      timer_queued(facts->object) ? "queued" : "running", when);
    if (facts->kind == HANDLE_NBL_POOL && nbl_pool_live(facts->object))
        rule_violated("HLT-18", facts->handle, "%u NET_BUFFER_LISTs of it are not freed", nbl_pool_live(facts->object));
}

static void discard(const struct handle_facts *facts)
{
    switch (facts->kind) {
    case HANDLE_INTERRUPT:
        interrupt_discard(facts->object);
        break;
    case HANDLE_TIMER:
        timer_discard(facts->object);
        break;
    case HANDLE_WORK_ITEM:
        work_item_discard(facts->object);
        break;
    case HANDLE_DMA:
        dma_discard(facts->object);
        break;
    case HANDLE_NBL_POOL:
        nbl_pool_discard(facts->object);
        break;
    case HANDLE_NB_POOL:
        nb_pool_discard(facts->object);
        break;
    case HANDLE_CONFIGURATION:
        configuration_discard(facts->object);
        break;
    case HANDLE_RW_LOCK:
        rw_lock_discard(facts->object);
        break;
    case HANDLE_DEVICE:
        device_discard(facts->object);
        break;
    case HANDLE_LOG:
        log_discard(facts->object);
        break;
    case HANDLE_PORT:
        port_discard(facts->object);
        break;
    default:
        handle_destroy(facts->handle);
    }
}

/* Things that can run image code or let the device write go first. */
static int discard_order(enum handle_kind kind)
{
    switch (kind) {
    case HANDLE_INTERRUPT:
        return 0;
    case HANDLE_TIMER:
        return 1;
    case HANDLE_WORK_ITEM:
        return 2;
    case HANDLE_DMA:
        return 4;
    default:
        return 3;
    }
}

static void discard_adapter_memory(struct adapter *adapter, enum audit_moment moment, const char *when)
{
    unsigned count = shared_memory_discard(adapter);

    if (count && moment != AUDIT_SHUT_DOWN)
        rule_violated(moment == AUDIT_INITIALIZE_FAILED ? "INI-20" : "HLT-08", NULL, "%u blocks of shared memory are left %s", count, when);
    count = bus_mappings_discard(adapter);
    if (count && moment != AUDIT_SHUT_DOWN)
        rule_violated(moment == AUDIT_INITIALIZE_FAILED ? "INI-20" : "HLT-09", NULL, "%u register mappings or port ranges are left %s",
                      count, when);
}

/* Copies the first handle of `owner` that goes away in step `order`. */
static bool find_to_discard(const void *owner, int order, struct handle_facts *found)
{
    struct handle_facts *facts = calloc(AUDIT_LIMIT, sizeof(*facts));
    unsigned count = facts ? handle_list(owner, facts, AUDIT_LIMIT) : 0, index;

    for (index = 0; index < count && discard_order(facts[index].kind) != order; index++)
        ;
    if (index < count)
        *found = facts[index];
    free(facts);
    return index < count;
}

static void discard_owner(const void *owner, enum audit_moment moment, const char *when)
{
    struct handle_facts one;

    for (int order = 0; order < DISCARD_STEPS; order++) {
        /* Registers are unmapped and shared memory is freed after what may still use them. */
        if (order == DISCARD_STEPS - 1 && moment != AUDIT_UNLOAD)
            discard_adapter_memory((struct adapter *)owner, moment, when);
        while (find_to_discard(owner, order, &one))
            discard(&one);
    }
}

void audit_owner(const void *owner, enum audit_moment moment, const char *when)
{
    struct handle_facts *facts = calloc(AUDIT_LIMIT, sizeof(*facts));
    unsigned count = facts ? handle_list(owner, facts, AUDIT_LIMIT) : 0, left;

    for (unsigned index = 0; index < count && moment != AUDIT_SHUT_DOWN; index++)
        report(&facts[index], moment, when);
    free(facts);
    if (moment == AUDIT_SHUT_DOWN) {
        discard_owner(owner, moment, when);
        return;
    }
    left = track_audit(owner, when);
    if (left)
        rule_violated(moment == AUDIT_INITIALIZE_FAILED ? "INI-20"
                      : moment == AUDIT_HALT            ? "HLT-01"
                                                        : "DRV-06",
                      NULL, "%u objects are left %s", left, when);
    discard_owner(owner, moment, when);
}

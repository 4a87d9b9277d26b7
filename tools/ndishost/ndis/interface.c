/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * interface.c - NDIS as the registry of network interfaces: providers, locally unique identifiers, interface indexes and what is stacked
 * on what. A NET_LUID holds 24 bits of index from bit 24 on and the interface type in its upper 16 bits.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { INTERFACES_MAX = 256, LUIDS_MAX = 256, STACK_MAX = 256, FIRST_INTERFACE = 16 /* those below are the system's own */ };

struct interface_provider {
    void *handle;
};

/* All under registry_mutex. An entry whose provider, type or indexes are 0 is free. */
static struct {
    struct interface_provider *provider;
    uint64_t luid;
} interfaces[INTERFACES_MAX];
static struct {
    uint16_t type;
    uint32_t index;
} luids[LUIDS_MAX];
static struct {
    uint32_t higher, lower;
} stack[STACK_MAX];
static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;

/* What the audits know a registration by: an address of its own. */
static const void *interface_key(unsigned slot)
{
    return &interfaces[slot];
}

/* ---- providers ---- */

static void provider_destroy(struct interface_provider *provider)
{
    for (unsigned slot = 0; slot < INTERFACES_MAX; slot++) {
        bool left;

        pthread_mutex_lock(&registry_mutex);
        left = interfaces[slot].provider == provider;
        if (left)
            interfaces[slot].provider = NULL;
        pthread_mutex_unlock(&registry_mutex);
        if (left)
            track_release(TRACK_HANDLE, interface_key(slot));
    }
    handle_destroy(provider->handle);
    free(provider);
}

/* NDIS_STATUS NdisIfRegisterProvider(NDIS_IF_PROVIDER_CHARACTERISTICS *, NDIS_HANDLE IfProviderContext, NDIS_HANDLE *) */
static uint64_t export_NdisIfRegisterProvider(struct export_call *call)
{
    const nt_NDIS_IF_PROVIDER_CHARACTERISTICS *given = arg_pointer(call);
    uintptr_t *handle;
    struct interface_provider *provider;

    (void)arg_word(call); /* the context, for the two handlers */
    handle = arg_pointer(call);
    if (!given->QueryObjectHandler || !given->SetObjectHandler) {
        rule_violated("HOST-ARGUMENT", given, "NdisIfRegisterProvider without both handlers");
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    if (!acquire_permitted("NdisIfRegisterProvider"))
        return NT_NDIS_STATUS_RESOURCES;
    provider = calloc(1, sizeof(*provider));
    if (!provider)
        abort();
    provider->handle = handle_create(HANDLE_INTERFACE_PROVIDER, provider, NULL, call->return_address);
    *handle = (uintptr_t)provider->handle;
    return NT_NDIS_STATUS_SUCCESS;
}

static struct interface_provider *provider_from_handle(void *handle, const char *what)
{
    struct interface_provider *provider = handle_object(HANDLE_INTERFACE_PROVIDER, handle);

    if (!provider)
        rule_violated("HOST-HANDLE", NULL, "%s was given a %s instead of an interface provider", what, handle_describe(handle));
    return provider;
}

/* VOID NdisIfDeregisterProvider(NDIS_HANDLE): its interfaces must be gone */
static uint64_t export_NdisIfDeregisterProvider(struct export_call *call)
{
    struct interface_provider *provider = provider_from_handle(arg_pointer(call), "NdisIfDeregisterProvider");
    unsigned left = 0;

    if (!provider)
        return 0;
    pthread_mutex_lock(&registry_mutex);
    for (unsigned slot = 0; slot < INTERFACES_MAX; slot++)
        left += interfaces[slot].provider == provider;
    pthread_mutex_unlock(&registry_mutex);
    if (left)
        rule_violated("HOST-HANDLE", provider->handle, "NdisIfDeregisterProvider with %u interfaces registered", left);
    provider_destroy(provider);
    return 0;
}

/* ---- identifiers ---- */

/* NDIS_STATUS NdisIfAllocateNetLuidIndex(NET_IFTYPE ifType, UINT32 *pNetLuidIndex) */
static uint64_t export_NdisIfAllocateNetLuidIndex(struct export_call *call)
{
    uint16_t type = arg_u16(call);
    uint32_t *result = arg_pointer(call);
    uint32_t index = 1;
    unsigned free_slot = LUIDS_MAX;

    if (!type)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!acquire_permitted("NdisIfAllocateNetLuidIndex"))
        return NT_NDIS_STATUS_RESOURCES;
    pthread_mutex_lock(&registry_mutex);
    for (unsigned slot = 0; slot < LUIDS_MAX; slot++) {
        if (!luids[slot].type && free_slot == LUIDS_MAX)
            free_slot = slot;
        if (luids[slot].type == type && luids[slot].index >= index)
            index = luids[slot].index + 1;
    }
    if (free_slot < LUIDS_MAX) {
        luids[free_slot].type = type;
        luids[free_slot].index = index;
    }
    pthread_mutex_unlock(&registry_mutex);
    if (free_slot == LUIDS_MAX)
        return NT_NDIS_STATUS_RESOURCES;
    track_acquire(TRACK_HANDLE, &luids[free_slot], 0, NULL, call->return_address);
    *result = index;
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisIfFreeNetLuidIndex(NET_IFTYPE ifType, UINT32 NetLuidIndex) */
static uint64_t export_NdisIfFreeNetLuidIndex(struct export_call *call)
{
    uint16_t type = arg_u16(call);
    uint32_t index = arg_u32(call);
    unsigned slot = 0;

    pthread_mutex_lock(&registry_mutex);
    while (slot < LUIDS_MAX && !(luids[slot].type && luids[slot].type == type && luids[slot].index == index))
        slot++;
    if (slot < LUIDS_MAX)
        luids[slot].type = 0;
    pthread_mutex_unlock(&registry_mutex);
    if (slot == LUIDS_MAX) {
        rule_violated("HOST-HANDLE", NULL, "NdisIfFreeNetLuidIndex of type %u index %u, which is not allocated", type, index);
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    track_release(TRACK_HANDLE, &luids[slot]);
    return NT_NDIS_STATUS_SUCCESS;
}

/* ---- interfaces ---- */

/* Lock held; INTERFACES_MAX: there is none. */
static unsigned slot_of_luid(uint64_t luid)
{
    unsigned slot = 0;

    while (slot < INTERFACES_MAX && !(interfaces[slot].provider && interfaces[slot].luid == luid))
        slot++;
    return slot;
}

/* NDIS_STATUS NdisIfRegisterInterface(NDIS_HANDLE, NET_LUID, NDIS_HANDLE ifContext, NET_IF_INFORMATION *, NET_IFINDEX *) */
static uint64_t export_NdisIfRegisterInterface(struct export_call *call)
{
    struct interface_provider *provider = provider_from_handle(arg_pointer(call), "NdisIfRegisterInterface");
    uint64_t luid = arg_u64(call);
    uint32_t *index;
    unsigned slot = 0;
    bool taken;

    (void)arg_word(call); /* context, and what the interface is: for queries of applications */
    (void)arg_word(call);
    index = arg_pointer(call);
    if (!provider)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!acquire_permitted("NdisIfRegisterInterface"))
        return NT_NDIS_STATUS_RESOURCES;
    pthread_mutex_lock(&registry_mutex);
    taken = slot_of_luid(luid) < INTERFACES_MAX;
    while (slot < INTERFACES_MAX && interfaces[slot].provider)
        slot++;
    if (!taken && slot < INTERFACES_MAX) {
        interfaces[slot].provider = provider;
        interfaces[slot].luid = luid;
    }
    pthread_mutex_unlock(&registry_mutex);
    if (taken)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (slot == INTERFACES_MAX)
        return NT_NDIS_STATUS_RESOURCES;
    track_acquire(TRACK_HANDLE, interface_key(slot), 0, NULL, call->return_address);
    *index = FIRST_INTERFACE + slot;
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisIfDeregisterInterface(NET_IFINDEX) */
static uint64_t export_NdisIfDeregisterInterface(struct export_call *call)
{
    uint32_t slot = arg_u32(call) - FIRST_INTERFACE;
    bool known;

    pthread_mutex_lock(&registry_mutex);
    known = slot < INTERFACES_MAX && interfaces[slot].provider;
    if (known)
        interfaces[slot].provider = NULL;
    pthread_mutex_unlock(&registry_mutex);
    if (!known) {
        rule_violated("HOST-HANDLE", NULL, "NdisIfDeregisterInterface of index %u, which is not registered", slot + FIRST_INTERFACE);
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    track_release(TRACK_HANDLE, interface_key(slot));
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisIfGetInterfaceIndexFromNetLuid(NET_LUID, NET_IFINDEX *) */
static uint64_t export_NdisIfGetInterfaceIndexFromNetLuid(struct export_call *call)
{
    uint64_t luid = arg_u64(call);
    uint32_t *index = arg_pointer(call);
    unsigned slot;

    pthread_mutex_lock(&registry_mutex);
    slot = slot_of_luid(luid);
    pthread_mutex_unlock(&registry_mutex);
    if (slot == INTERFACES_MAX)
        return NT_NDIS_STATUS_INTERFACE_NOT_FOUND;
    *index = FIRST_INTERFACE + slot;
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisIfGetNetLuidFromInterfaceIndex(NET_IFINDEX, NET_LUID *) */
static uint64_t export_NdisIfGetNetLuidFromInterfaceIndex(struct export_call *call)
{
    uint32_t slot = arg_u32(call) - FIRST_INTERFACE;
    uint64_t *luid = arg_pointer(call);
    bool known;

    pthread_mutex_lock(&registry_mutex);
    known = slot < INTERFACES_MAX && interfaces[slot].provider;
    if (known)
        memcpy(luid, &interfaces[slot].luid, sizeof(*luid));
    pthread_mutex_unlock(&registry_mutex);
    return known ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_INTERFACE_NOT_FOUND;
}

/* ---- what is stacked on what ---- */

static unsigned stack_entry(uint32_t higher, uint32_t lower)
{
    unsigned slot = 0;

    while (slot < STACK_MAX && !(stack[slot].higher == higher && stack[slot].lower == lower))
        slot++;
    return slot;
}

/* NDIS_STATUS NdisIfAddIfStackEntry(NET_IFINDEX Higher, NET_IFINDEX Lower) */
static uint64_t export_NdisIfAddIfStackEntry(struct export_call *call)
{
    uint32_t higher = arg_u32(call), lower = arg_u32(call);
    unsigned slot;
    bool known;

    if (!higher || !lower || higher == lower)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!acquire_permitted("NdisIfAddIfStackEntry"))
        return NT_NDIS_STATUS_RESOURCES;
    pthread_mutex_lock(&registry_mutex);
    known = stack_entry(higher, lower) < STACK_MAX;
    slot = known ? STACK_MAX : stack_entry(0, 0);
    if (slot < STACK_MAX) {
        stack[slot].higher = higher;
        stack[slot].lower = lower;
    }
    pthread_mutex_unlock(&registry_mutex);
    if (slot == STACK_MAX)
        return known ? NT_NDIS_STATUS_INVALID_PARAMETER : NT_NDIS_STATUS_RESOURCES;
    track_acquire(TRACK_HANDLE, &stack[slot], 0, NULL, call->return_address);
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisIfDeleteIfStackEntry(NET_IFINDEX Higher, NET_IFINDEX Lower) */
static uint64_t export_NdisIfDeleteIfStackEntry(struct export_call *call)
{
    uint32_t higher = arg_u32(call), lower = arg_u32(call);
    unsigned slot;

    pthread_mutex_lock(&registry_mutex);
    slot = higher && lower ? stack_entry(higher, lower) : STACK_MAX;
    if (slot < STACK_MAX)
        stack[slot].higher = stack[slot].lower = 0;
    pthread_mutex_unlock(&registry_mutex);
    if (slot == STACK_MAX)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    track_release(TRACK_HANDLE, &stack[slot]);
    return NT_NDIS_STATUS_SUCCESS;
}

const struct export_row ndis_interface_exports[] = {
    EXPORT(NdisIfRegisterProvider),
    EXPORT(NdisIfDeregisterProvider),
    EXPORT(NdisIfAllocateNetLuidIndex),
    EXPORT(NdisIfFreeNetLuidIndex),
    EXPORT(NdisIfRegisterInterface),
    EXPORT(NdisIfDeregisterInterface),
    EXPORT(NdisIfGetInterfaceIndexFromNetLuid),
    EXPORT(NdisIfGetNetLuidFromInterfaceIndex),
    EXPORT(NdisIfAddIfStackEntry),
    EXPORT(NdisIfDeleteIfStackEntry),
    EXPORT_END,
};

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* generic_object.c - NDIS generic objects: handles for allocations of a component that is neither adapter nor registered driver. */
#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* NDIS_HANDLE NdisAllocateGenericObject(DRIVER_OBJECT *, ULONG Tag, USHORT Size) */
static uint64_t export_NdisAllocateGenericObject(struct export_call *call)
{
    void *driver_object = arg_pointer(call);
    uint32_t tag = arg_u32(call);
    struct driver *driver = driver_of_object(driver_object);

    if (!tag)
        rule_violated("MEM-12", NULL, "NdisAllocateGenericObject: Tag is 0");
    if (!driver) {
        rule_violated("HOST-ARGUMENT", driver_object, "NdisAllocateGenericObject of %p, which is not this driver's object", driver_object);
        return 0;
    }
    return acquire_permitted("NdisAllocateGenericObject")
               ? (uintptr_t)handle_create(HANDLE_GENERIC_OBJECT, driver, driver, call->return_address)
               : 0;
}

/* VOID NdisFreeGenericObject(NDIS_GENERIC_OBJECT *) */
static uint64_t export_NdisFreeGenericObject(struct export_call *call)
{
    void *handle = arg_pointer(call);

    if (handle_object(HANDLE_GENERIC_OBJECT, handle))
        handle_destroy(handle);
    else
        rule_violated("HOST-HANDLE", NULL, "NdisFreeGenericObject was given a %s", handle_describe(handle));
    return 0;
}

const struct export_row ndis_generic_object_exports[] = {
    EXPORT(NdisAllocateGenericObject),
    EXPORT(NdisFreeGenericObject),
    EXPORT_END,
};

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_registration.c - what a driver registers its device objects for: IRP_MJ_SHUTDOWN, and WMI, to which nobody listens here. */
#include "nt/io.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum {
    MAJOR_SHUTDOWN = 0x10,
    WMI_REGISTER = 1, /* WMIREG_ACTION_* */
    WMI_DEREGISTER = 2,
    WMI_REREGISTER = 3,
    WMI_UPDATE_GUIDS = 4,
    WNODE_HEADER_SIZE = 48, /* BufferSize is its first word */
};

enum kind { FOR_SHUTDOWN, FOR_WMI };
static const char *const kind_names[] = {"for shutdown", "with WMI"};

struct registration {
    struct registration *next; /* youngest first: at shutdown, too */
    nt_DEVICE_OBJECT *object;
    enum kind kind;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct registration *registrations;

static bool is_registered(const nt_DEVICE_OBJECT *object, enum kind kind)
{
    pthread_mutex_lock(&mutex);
    const struct registration *one = registrations;
    while (one && (one->object != object || one->kind != kind))
        one = one->next;
    pthread_mutex_unlock(&mutex);
    return one != NULL;
}

static void add(nt_DEVICE_OBJECT *object, enum kind kind)
{
    struct registration *one = calloc(1, sizeof(*one));
    if (!one)
        abort();
    pthread_mutex_lock(&mutex);
    *one = (struct registration){registrations, object, kind};
    registrations = one;
    pthread_mutex_unlock(&mutex);
}

static bool take_away(const nt_DEVICE_OBJECT *object, enum kind kind)
{
    pthread_mutex_lock(&mutex);
    struct registration **link = &registrations;
    while (*link && ((*link)->object != object || (*link)->kind != kind))
        link = &(*link)->next;
    struct registration *one = *link;
    if (one)
        *link = one->next;
    pthread_mutex_unlock(&mutex);
    free(one);
    return one != NULL;
}

void io_registrations_check_gone(nt_DEVICE_OBJECT *object)
{
    for (unsigned kind = FOR_SHUTDOWN; kind <= FOR_WMI; kind++)
        while (take_away(object, kind))
            rule_violated("HOST-DEVICE-OBJECT", object, "device object %p is deleted while it is registered %s", (void *)object,
                          kind_names[kind]);
}

/* Only the driver's own device objects can be; another one is reported. */
static nt_DEVICE_OBJECT *own_object(struct export_call *call)
{
    nt_DEVICE_OBJECT *object = arg_pointer(call);
    char here[128];
    if (io_device_of_object(object))
        return object;
    rule_violated("HOST-DEVICE-OBJECT", object, "%s for %p, which is no device object of the driver, by %s", call->row->name,
                  (void *)object, rules_describe_address(call->return_address, here, sizeof(here)));
    return NULL;
}

/* ---- shutdown ---- */

void io_shutdown_notify(void)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
        const struct registration *one = registrations;
        while (one && one->kind != FOR_SHUTDOWN)
            one = one->next;
        nt_DEVICE_OBJECT *object = one ? one->object : NULL;
        pthread_mutex_unlock(&mutex);
        if (!object)
            return;
        take_away(object, FOR_SHUTDOWN); /* told once; the routine may unregister or delete the device */
        object->Flags &= ~(uint32_t)NT_DO_SHUTDOWN_REGISTERED;
        io_send(io_device_of_object(object), MAJOR_SHUTDOWN);
    }
}

/* NTSTATUS (PDEVICE_OBJECT) */
static uint64_t export_IoRegisterShutdownNotification(struct export_call *call)
{
    nt_DEVICE_OBJECT *object = own_object(call);
    if (!object)
        return NT_STATUS_INVALID_DEVICE_REQUEST;
    if (!acquire_permitted("IoRegisterShutdownNotification"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    if (!io_device_routine(io_device_of_object(object), MAJOR_SHUTDOWN))
        rule_violated("HOST-DEVICE-OBJECT", object,
                      "device object %p is registered for shutdown, and its driver has no routine for "
                      "IRP_MJ_SHUTDOWN",
                      (void *)object);
    add(object, FOR_SHUTDOWN);
    object->Flags |= NT_DO_SHUTDOWN_REGISTERED;
    return NT_STATUS_SUCCESS;
}

/* VOID (PDEVICE_OBJECT): Windows does not mind one that is not registered. */
static uint64_t export_IoUnregisterShutdownNotification(struct export_call *call)
{
    nt_DEVICE_OBJECT *object = own_object(call);
    while (object && take_away(object, FOR_SHUTDOWN))
        object->Flags &= ~(uint32_t)NT_DO_SHUTDOWN_REGISTERED;
    return 0;
}

/* ---- WMI: registrations are kept in order; no consumer asks for what is registered ---- */

/* NTSTATUS (PDEVICE_OBJECT, ULONG Action) */
static uint64_t export_IoWMIRegistrationControl(struct export_call *call)
{
    nt_DEVICE_OBJECT *object = own_object(call);
    uint32_t action = arg_u32(call) & 0xFFFF;
    if (!object || action < WMI_REGISTER || action > WMI_UPDATE_GUIDS)
        return NT_STATUS_INVALID_PARAMETER;
    bool registered = is_registered(object, FOR_WMI);
    if (action == WMI_REGISTER) {
        if (!acquire_permitted("IoWMIRegistrationControl"))
            return NT_STATUS_INSUFFICIENT_RESOURCES;
        if (registered)
            rule_violated("HOST-DEVICE-OBJECT", object, "device object %p is registered with WMI already", (void *)object);
        else
            add(object, FOR_WMI);
        return NT_STATUS_SUCCESS;
    }
    if (!registered)
        return NT_STATUS_INVALID_PARAMETER;
    if (action == WMI_DEREGISTER)
        take_away(object, FOR_WMI);
    return NT_STATUS_SUCCESS;
}

/* NTSTATUS (PVOID Wnode): a block of pool that is WMI's from then on; nobody waits for the event, so it is freed at once. */
static uint64_t export_IoWMIWriteEvent(struct export_call *call)
{
    void *wnode = arg_pointer(call);
    uint32_t size;
    char here[128];
    if (pool_contains(wnode, WNODE_HEADER_SIZE)) {
        memcpy(&size, wnode, sizeof(size));
        if (size >= WNODE_HEADER_SIZE && pool_contains(wnode, size)) {
            if (!acquire_permitted("IoWMIWriteEvent"))
                return NT_STATUS_INSUFFICIENT_RESOURCES; /* the block stays the driver's */
            pool_free(wnode, 0, call->return_address);
            return NT_STATUS_SUCCESS;
        }
    }
    rule_violated("HOST-ARGUMENT", wnode, "IoWMIWriteEvent of %p, which is no WNODE in pool, by %s", wnode,
                  rules_describe_address(call->return_address, here, sizeof(here)));
    return NT_STATUS_INVALID_PARAMETER;
}

const struct export_row nt_io_registration_exports[] = {
    EXPORT(IoRegisterShutdownNotification),
    EXPORT(IoUnregisterShutdownNotification),
    EXPORT(IoWMIRegistrationControl),
    EXPORT(IoWMIWriteEvent),
    EXPORT_END,
};

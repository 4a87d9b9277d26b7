/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * callback_object.c - ExCreateCallback and its family: named objects at which drivers register routines. The system's own are there from
 * the start; \Callback\PowerState is notified around a suspension of the machine.
 */
#include "nt/callback_object.h"
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAME_SIZE = 128 };
/* A routine that does not return is a hang of the driver; in 100 ns units. */
#define PATIENCE (UINT64_C(30) * 10000000)

/* Never freed while registrations or references are left; the system's never. */
struct callback_object {
    struct callback_object *next;
    char name[NAME_SIZE]; /* empty: nobody else finds it */
    bool permanent, many;
    unsigned references;
    struct registration *registrations;
};

struct registration {
    struct registration *next;
    struct callback_object *object;
    uintptr_t routine, context;
    unsigned running;
    bool gone; /* unregistered; freed by who waits until `running` is 0 */
};

/* Guarded by the dispatcher's lock. */
static struct callback_object *objects;
/* Set whenever a routine has returned; every waiter looks again. */
static struct sched_event returned;

static void prepare(void)
{
    static const char *const system_names[] = {"\\Callback\\PowerState", "\\Callback\\SetSystemTime", "\\Callback\\ProcessorAdd"};
    static bool prepared;
    dispatcher_lock();
    if (!prepared) {
        prepared = true;
        sched_event_init(&returned, false, false);
        for (unsigned i = 0; i < sizeof(system_names) / sizeof(system_names[0]); i++) {
            struct callback_object *object = calloc(1, sizeof(*object));
            if (!object)
                abort();
            snprintf(object->name, sizeof(object->name), "%s", system_names[i]);
            object->permanent = object->many = true;
            object->next = objects;
            objects = object;
        }
    }
    dispatcher_unlock();
}

/* All three: lock held. */
static struct callback_object *object_named(const char *name)
{
    struct callback_object *object = name[0] ? objects : NULL;
    while (object && strcasecmp(object->name, name) != 0)
        object = object->next;
    return object;
}

static bool object_known(const void *address)
{
    const struct callback_object *object = objects;
    while (object && object != address)
        object = object->next;
    return object != NULL;
}

static void object_release_if_unused(struct callback_object *object)
{
    struct callback_object **link = &objects;
    if (object->permanent || object->references || object->registrations)
        return;
    while (*link != object)
        link = &(*link)->next;
    *link = object->next;
    free(object);
}

bool callback_object_reference(const void *address, int change, bool *fits)
{
    struct callback_object *object = (struct callback_object *)address;
    if (!object_known(address))
        return false;
    *fits = change > 0 || object->references > 0;
    if (*fits) {
        object->references += (unsigned)change;
        object_release_if_unused(object);
    }
    return true;
}

/* ---- exports ---- */

static uint64_t export_ExCreateCallback(struct export_call *call)
{
    uintptr_t *result = arg_pointer(call);
    const nt_OBJECT_ATTRIBUTES *attributes = arg_pointer(call);
    bool create = arg_u8(call) != 0, many = arg_u8(call) != 0;
    char name[NAME_SIZE] = "";
    prepare();
    if (attributes && attributes->ObjectName)
        nt_unicode_to_utf8((const void *)attributes->ObjectName, name, sizeof(name));
    if (!acquire_permitted("ExCreateCallback"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    struct callback_object *fresh = calloc(1, sizeof(*fresh));
    if (!fresh)
        abort();
    dispatcher_lock();
    struct callback_object *object = object_named(name);
    if (!object && create) {
        object = fresh;
        fresh = NULL;
        snprintf(object->name, sizeof(object->name), "%s", name);
        object->many = many;
        object->next = objects;
        objects = object;
    }
    if (object)
        object->references++;
    dispatcher_unlock();
    free(fresh);
    if (!object)
        return NT_STATUS_OBJECT_NAME_NOT_FOUND;
    *result = (uintptr_t)object;
    return NT_STATUS_SUCCESS;
}

static uint64_t export_ExRegisterCallback(struct export_call *call)
{
    struct callback_object *object = arg_pointer(call);
    char here[128];
    struct registration *registration;
    if (!acquire_permitted("ExRegisterCallback"))
        return 0;
    registration = calloc(1, sizeof(*registration));
    if (!registration)
        abort();
    registration->routine = arg_word(call);
    registration->context = arg_word(call);
    registration->object = object;
    dispatcher_lock();
    bool known = object_known(object), fits = known && (object->many || !object->registrations);
    if (fits) {
        struct registration **link = &object->registrations; /* they are called in the order they came */
        while (*link)
            link = &(*link)->next;
        *link = registration;
    }
    dispatcher_unlock();
    if (!known)
        rule_violated("HOST-HANDLE", object, "ExRegisterCallback at %p, which is no callback object, by %s", (void *)object,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    if (!fits) {
        free(registration);
        return 0;
    }
    track_acquire(TRACK_CALLBACK, registration, 0, NULL, call->return_address);
    return (uintptr_t)registration;
}

/* Lock held: where it hangs, or NULL. */
static struct registration **place_of(const void *registration)
{
    for (struct callback_object *object = objects; object; object = object->next)
        for (struct registration **link = &object->registrations; *link; link = &(*link)->next)
            if (*link == registration && !(*link)->gone)
                return link;
    return NULL;
}

/* Lock held. */
static void unlink_registration(struct registration *registration)
{
    struct registration **link = &registration->object->registrations;
    while (*link != registration)
        link = &(*link)->next;
    *link = registration->next;
    object_release_if_unused(registration->object);
}

/* Returns when the routine is not running and will not run again. */
static uint64_t export_ExUnregisterCallback(struct export_call *call)
{
    struct registration *registration = arg_pointer(call);
    uint64_t deadline = sched_now() + PATIENCE;
    char here[128];
    prepare();
    dispatcher_lock();
    struct registration **link = place_of(registration);
    if (link)
        registration->gone = true;
    dispatcher_unlock();
    if (!link) {
        rule_violated("HOST-HANDLE", registration, "ExUnregisterCallback of %p, which is no registration, by %s", (void *)registration,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return 0;
    }
    for (;;) {
        sched_event_reset(&returned);
        dispatcher_lock();
        bool idle = registration->running == 0;
        if (idle)
            unlink_registration(registration);
        dispatcher_unlock();
        if (idle)
            break;
        if (!sched_event_wait(&returned, deadline))
            trap_bugcheck("HOST-HANG", "ExUnregisterCallback by %s: the routine does not return, or unregisters itself",
                          rules_describe_address(call->return_address, here, sizeof(here)));
    }
    track_release(TRACK_CALLBACK, registration);
    free(registration);
    return 0;
}

/* Calls every routine in turn, without the lock; a registration stays while its routine runs. */
static void notify(struct callback_object *object, uintptr_t first, uintptr_t second)
{
    dispatcher_lock();
    struct registration *registration = object->registrations;
    object->references++;
    while (registration) {
        bool call_it = !registration->gone;
        registration->running++;
        dispatcher_unlock();
        if (call_it)
            IMAGE_CALL("CALLBACK_FUNCTION", registration->routine, registration->context, first, second);
        dispatcher_lock();
        struct registration *next = registration->next;
        registration->running--;
        registration = next;
    }
    object->references--;
    object_release_if_unused(object);
    dispatcher_unlock();
    sched_event_set(&returned);
}

static uint64_t export_ExNotifyCallback(struct export_call *call)
{
    struct callback_object *object = arg_pointer(call);
    uintptr_t first = arg_word(call), second = arg_word(call);
    char here[128];
    prepare();
    dispatcher_lock();
    bool known = object_known(object);
    dispatcher_unlock();
    if (known)
        notify(object, first, second);
    else
        rule_violated("HOST-HANDLE", object, "ExNotifyCallback of %p, which is no callback object, by %s", (void *)object,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    return 0;
}

void nt_callback_notify(const char *name, uintptr_t first, uintptr_t second)
{
    prepare();
    dispatcher_lock();
    struct callback_object *object = object_named(name);
    dispatcher_unlock();
    if (object)
        notify(object, first, second);
}

const struct export_row nt_callback_object_exports[] = {
    EXPORT(ExCreateCallback), EXPORT(ExRegisterCallback), EXPORT(ExUnregisterCallback), EXPORT(ExNotifyCallback), EXPORT_END,
};

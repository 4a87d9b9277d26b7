/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world.c - driver and stations of a scenario: up, down, and who is to blame when a step fails. */
#include "scenario/world.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "abi/nt_constants.h"
#include "rules/acquire.h"
#include "rules/rules.h"
#include "scenario/frame.h"
#include "scenario/traffic.h"

enum {
    MESSAGES_AT_MOST = 8,
    LINK_POLL_MS = 10 /* for a device that vanishes meanwhile */,
    EXPLANATION_MS = 30000,
    EXPLANATION_POLL_MS = 20
};

/* ---- the verdict ---- */

void world_fail(struct world *world, const char *format, ...)
{
    if (world->failure[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->failure, sizeof(world->failure), format, arguments);
    va_end(arguments);
    TRACE("check", "FAIL: %s", world->failure);
}

void world_inapplicable(struct world *world, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(world->inapplicable, sizeof(world->inapplicable), format, arguments);
    va_end(arguments);
}

bool world_failed(const struct world *world)
{
    return world->failure[0] != 0 || rules_violation_count() != 0;
}

bool station_device_gone(const struct station *station)
{
    return station->device && device_function(station->device) && pci_function_detached(device_function(station->device));
}

bool world_has_misfortune(const struct world *world)
{
    for (unsigned i = 0; i < world->station_count; ++i)
        if (station_device_gone(&world->stations[i]))
            return true;
    return world->misbehaves || acquire_refusals() != 0;
}

/* A step that did not succeed: a fault unless something befell the driver. */
static bool step_failed(struct world *world, const char *step, uint32_t status)
{
    if (!world_has_misfortune(world))
        world_fail(world, "%s failed with 0x%08" PRIX32 " for no reason", step, status);
    return false;
}

/* What the event log has from entry `first` on, as one line. */
static const char *explained(unsigned first, char *buffer, size_t size)
{
    size_t used = 0;
    snprintf(buffer, size, "nothing");
    for (unsigned i = first; i < event_log_count() && used < size; ++i) {
        char line[EVENT_LOG_LINE];
        struct event_log_entry entry = event_log_entry(i);
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", event_log_format(&entry, line, sizeof(line)));
    }
    return buffer;
}

/* ---- choices of a scenario ---- */

void world_set_keyword(struct world *world, const char *name, const char *value)
{
    unsigned at = 0;
    while (at < world->keyword_count && strcasecmp(world->keywords[at].name, name) != 0)
        ++at;
    if (at == WORLD_KEYWORDS_MAX) {
        world_fail(world, "too many keywords: there is no room for %s", name);
        return;
    }
    world->keywords[at] = (struct keyword){name, value};
    world->keyword_count += at == world->keyword_count;
}

void world_trust_sums(struct world *world)
{
    world->device.trust_sums = true;
    world->device.model.trust_sums = true;
}

void world_expect_misfortune(struct world *world)
{
    world->misbehaves = true;
}

struct model_options *world_model(struct world *world)
{
    return world->device.kind == CHOICE_MODEL ? &world->device.model : NULL;
}

/* ---- driver ---- */

bool world_load(struct world *world)
{
    char error[512];
    world->driver = driver_load(world->options->facts, world->options->service, error, sizeof(error));
    if (!world->driver && !world_has_misfortune(world))
        world_fail(world, "%s", error);
    return world->driver != NULL;
}

void world_unload(struct world *world)
{
    if (!world->driver)
        return;
    driver_unload(world->driver);
    world->driver = NULL;
}

/* ---- stations ---- */

static void link_changed(void *context, enum link_state state)
{
    struct station *station = context;
    station->link = (int)state;
    sched_event_set(&station->link_moved);
    if (station->told)
        station->told(station->told_context);
}

static bool plug(struct station *station)
{
    char error[256];
    if (station->device)
        return true;
    station->device = device_plug(&station->world->device, station->index, traffic_arrived, station, error, sizeof(error));
    if (!station->device) {
        world_fail(station->world, "the device of station %u: %s", station->index, error);
        return false;
    }
    station->entries_before = event_log_count();
    if (station->index == 0 && device_function(station->device)) {
        pci_function_detach_at(device_function(station->device), station->world->cut_at);
        station->world->cut_at = 0;
    }
    return true;
}

void station_unplug(struct station *station)
{
    if (!station->device)
        return;
    struct pci_function *function = device_function(station->device);
    struct pci_counts counts = function ? pci_function_counts(function) : (struct pci_counts){0};
    if (station->index == 0 && !station->world->accesses)
        station->world->accesses = counts.reads + counts.writes;
    device_unplug(station->device);
    station->device = NULL;
}

bool station_start(struct station *station)
{
    struct world *world = station->world;
    struct adapter_options options = {
        .interrupts = world->options->interrupts,
        .message_limit = MESSAGES_AT_MOST,
        .keywords = world->keywords,
        .keyword_count = world->keyword_count,
    };
    if (!plug(station))
        return false;
    struct adapter *adapter = adapter_create(world->driver, device_function(station->device), &options);
    if (!adapter)
        return step_failed(world, "MiniportAddDevice", NT_NDIS_STATUS_FAILURE);
    station->link = LINK_UNKNOWN;
    adapter_on_link(adapter, link_changed, station);
    unsigned entries = event_log_count();
    uint32_t status = adapter_initialize(adapter);
    if (status != NT_NDIS_STATUS_SUCCESS) {
        char why[EVENT_LOG_LINE];
        adapter_destroy(adapter);
        if (world->misbehaves && event_log_count() == entries)
            world_fail(world, "MiniportInitializeEx failed with 0x%08" PRIX32 ", and the event log does not say why", status);
        else if (!world_has_misfortune(world))
            world_fail(world, "MiniportInitializeEx failed with 0x%08" PRIX32 "; event log: %s", status,
                       explained(entries, why, sizeof(why)));
        return false;
    }
    station->adapter = adapter;
    struct adapter_facts facts = adapter_facts(adapter);
    station->link = (int)facts.link;
    memcpy(station->mac, facts.current_mac, 6);
    station->longest = facts.mtu + FRAME_HEADER < LONGEST_FRAME ? facts.mtu + FRAME_HEADER : LONGEST_FRAME;
    traffic_begin(station);
    return true;
}

bool station_wait_link(struct station *station, enum link_state link)
{
    uint64_t deadline = world_deadline(PATIENCE_MS);
    while (station->link != (int)link && sched_now() < deadline && !station_device_gone(station))
        sched_event_wait(&station->link_moved,
                         sched_now() + LINK_POLL_MS * TICKS_PER_MS < deadline ? sched_now() + LINK_POLL_MS * TICKS_PER_MS : deadline);
    if (station->link == (int)link)
        return true;
    if (!world_has_misfortune(station->world))
        world_fail(station->world, "station %u: the link did not become %s", station->index, link == LINK_UP ? "up" : "down");
    return false;
}

bool station_bind(struct station *station)
{
    station->edge = upper_edge_bind(station->adapter, NULL, NULL, 0);
    if (!station->edge)
        return step_failed(station->world, "MiniportRestart", NT_NDIS_STATUS_FAILURE);
    upper_edge_on_receive(station->edge, traffic_received, station);
    return station_wait_link(station, LINK_UP);
}

void station_expect_explanation(struct station *station)
{
    struct world *world = station->world;
    const char *told = device_fault_to_tell(station->device);
    uint64_t deadline = world_deadline(EXPLANATION_MS);
    if (!station->adapter || adapter_facts(station->adapter).halted)
        return; /* nobody is there any more who could explain */
    while (told && event_log_count() == station->entries_before && sched_now() < deadline && !station_device_gone(station) &&
           !world_failed(world)) {
        station_exchange(station, 1); /* so that there is something to notice it by */
        world_sleep(EXPLANATION_POLL_MS);
    }
    if (told && event_log_count() == station->entries_before && !station_device_gone(station) && !world_failed(world))
        world_fail(world, "station %u: the device did \"%s\", and the event log does not say so", station->index, told);
}

bool station_restart(struct station *station)
{
    uint32_t status = adapter_restart(station->adapter);
    return status == NT_NDIS_STATUS_SUCCESS || step_failed(station->world, "MiniportRestart", status);
}

void station_unbind(struct station *station)
{
    station_load_stop(station);
    if (!station->edge)
        return;
    station_expect_explanation(station);
    upper_edge_unbind(station->edge);
    station->edge = NULL;
    /* Paused, and no thread of the upper edge is left. */
    if (station->device && !station_device_gone(station) && !world_has_misfortune(station->world) && !station->world->failure[0])
        device_check_at_rest(station->device);
}

static void destroy_adapter(struct station *station)
{
    adapter_destroy(station->adapter);
    station->adapter = NULL;
}

void station_remove_by_surprise(struct station *station)
{
    adapter_surprise_removal(station->adapter);
    station_unbind(station);
    destroy_adapter(station);
    station_unplug(station);
}

void station_stop(struct station *station)
{
    if (!station->adapter)
        return;
    if (station_device_gone(station)) {
        station_remove_by_surprise(station);
        return;
    }
    station_unbind(station);
    /* A device that vanished since is found by the driver in its halt: Windows may be that late, too. */
    adapter_halt(station->adapter, NT_NdisHaltDeviceDisabled);
    destroy_adapter(station);
}

bool world_start_one(struct world *world)
{
    struct station *station = &world->stations[0], *neighbour = &world->stations[1];
    if (!world_load(world) || !station_start(station) || !station_bind(station))
        return false;
    /* Where a driver without hardware takes frames to is its own affair: perhaps to another adapter of it. */
    return !device_is_virtual(station->device) || (station_start(neighbour) && station_bind(neighbour));
}

/* ---- life ---- */

void world_init(struct world *world, const struct world_options *options)
{
    memset(world, 0, sizeof(*world));
    world->options = options;
    world->cut_at = options->cut_at;
    world->device = options->device;
    world->misbehaves = device_choice_misbehaves(&options->device);
    for (unsigned i = 0; i < options->keyword_count; ++i)
        world_set_keyword(world, options->keywords[i].name, options->keywords[i].value);
    random_start(&world->random, options->seed, SCHED_STREAM_SCENARIO);
    world->station_count = STATIONS_MAX;
    for (unsigned i = 0; i < STATIONS_MAX; ++i) {
        struct station *station = &world->stations[i];
        station->world = world;
        station->index = i;
        station->longest = ORDINARY_FRAME;
        random_start(&station->load_random, options->seed, SCHED_STREAM_COUNT + i);
        pthread_mutex_init(&station->lock, NULL);
        sched_event_init(&station->moved, true, false);
        sched_event_init(&station->link_moved, true, false);
    }
}

void world_finish(struct world *world)
{
    if (world->switched_off)
        return;
    for (unsigned i = world->station_count; i-- > 0;)
        station_stop(&world->stations[i]);
    world_unload(world);
    for (unsigned i = world->station_count; i-- > 0;)
        station_unplug(&world->stations[i]);
    track_audit(NULL, "at the end of the scenario");
}

void world_sleep(unsigned milliseconds)
{
    sched_sleep_until(world_deadline(milliseconds));
}

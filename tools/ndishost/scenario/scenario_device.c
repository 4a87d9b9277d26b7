/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_device.c - the driver's device object: who may open it, what it answers, also in the middle of everything else, and a handle
 * that stays open when adapters and driver go. Of the device of aero_virtio_net all answers are known; of any other one only that the rules
 * hold.
 */
#include <stdio.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "scenario/diagnostics.h"
#include "scenario/scenario.h"

enum { FRAMES_SHORT = 64, GOLDEN_SIZE_MAX = 300, STORM_THREADS = 3, STORM_ROUNDS = 10, STORM_REQUESTS = 12, FILL = 0xA5 };

/* The first device with a link that can be opened; false: there is none. */
static bool find_device(struct world *world, struct io_device_facts *facts)
{
    for (unsigned index = 0; driver_device(world->driver, index, facts); ++index)
        if (!facts->deleted && facts->link[0])
            return true;
    if (!world_has_misfortune(world))
        world_inapplicable(world, "the driver registers no device");
    return false;
}

static bool is_diagnostics(const struct io_device_facts *facts)
{
    return strcmp(facts->link, DIAGNOSTICS_PATH) == 0;
}

/* ---- one answer ---- */

/* What aero_virtio_net must answer to a request that an adapter takes. */
static struct io_result expected_result(const struct diagnostics_structure *structure, uint32_t length)
{
    if (length < structure->least)
        return (struct io_result){NT_STATUS_BUFFER_TOO_SMALL, structure->least};
    return (struct io_result){NT_STATUS_SUCCESS, length < structure->size ? length : structure->size};
}

static bool same_result(struct io_result one, struct io_result other)
{
    return one.status == other.status && one.information == other.information;
}

/* The constant fields, as far as they were returned, and nothing behind what was. */
static const char *compare_answer(const struct diagnostics_structure *structure, const uint8_t *answer, uintptr_t returned,
                                  const uint8_t *whole)
{
    for (const struct diagnostics_field *field = structure->fields; field->name; ++field) {
        unsigned end = (unsigned)(returned < field->offset + field->size ? returned : field->offset + field->size);
        if (field->constant && end > field->offset && memcmp(answer + field->offset, whole + field->offset, end - field->offset) != 0)
            return field->name;
    }
    for (unsigned at = (unsigned)returned; at < DIAGNOSTICS_SIZE_MAX; ++at)
        if (answer[at] != FILL)
            return "what follows it";
    return NULL;
}

/* Every size that a caller may give. */
static void check_sizes(struct world *world, struct io_file *file, unsigned which, const uint8_t *mac)
{
    const struct diagnostics_structure *structure = &diagnostics_structures[which];
    uint8_t whole[DIAGNOSTICS_SIZE_MAX], answer[DIAGNOSTICS_SIZE_MAX];
    struct io_result result = diagnostics_query(file, which, mac, whole);
    if (!same_result(result, (struct io_result){NT_STATUS_SUCCESS, structure->size})) {
        world_fail(world, "%s: status 0x%08x, %zu bytes", structure->name, (unsigned)result.status, (size_t)result.information);
        return;
    }
    for (uint32_t length = 0; length <= GOLDEN_SIZE_MAX && !world_failed(world); ++length) {
        struct io_result wanted = expected_result(structure, length);
        memset(answer, FILL, sizeof(answer));
        result = io_control(file, structure->code, mac, mac ? 6 : 0, answer, length, 0);
        uintptr_t returned = result.status == NT_STATUS_SUCCESS ? result.information : 0;
        const char *wrong = compare_answer(structure, answer, returned, whole);
        if (!same_result(result, wanted))
            world_fail(world, "%s with %u bytes: status 0x%08x and %zu bytes, not 0x%08x and %zu", structure->name, (unsigned)length,
                       (unsigned)result.status, (size_t)result.information, (unsigned)wanted.status, (size_t)wanted.information);
        else if (wrong)
            world_fail(world, "%s with %u bytes: %s is wrong", structure->name, (unsigned)length, wrong);
    }
}

/* ---- is it true? ---- */

static void expect_value(struct world *world, unsigned which, const uint8_t *bytes, const char *name, uint64_t wanted)
{
    uint64_t value = diagnostics_value(which, bytes, name);
    if (value != wanted)
        world_fail(world, "%s is 0x%llx, and should be 0x%llx", name, (unsigned long long)value, (unsigned long long)wanted);
}

/* The adapter has done some work and is at rest; nothing was lost. */
static void check_truth(struct station *station, struct io_file *file)
{
    struct world *world = station->world;
    struct adapter_facts facts = adapter_facts(station->adapter);
    struct adapter_counts counts = adapter_counts(station->adapter);
    uint8_t info[DIAGNOSTICS_SIZE_MAX], offload[DIAGNOSTICS_SIZE_MAX];
    uint64_t offered, taken;
    diagnostics_query(file, DIAGNOSTICS_INFO, station->mac, info);
    diagnostics_query(file, DIAGNOSTICS_OFFLOAD, station->mac, offload);
    expect_value(world, DIAGNOSTICS_INFO, info, "Version", 1);
    expect_value(world, DIAGNOSTICS_INFO, info, "Size", 256);
    expect_value(world, DIAGNOSTICS_OFFLOAD, offload, "Size", 104);
    if (pci_function_virtio_features(device_function(station->device), &offered, &taken)) {
        expect_value(world, DIAGNOSTICS_INFO, info, "HostFeatures", offered);
        expect_value(world, DIAGNOSTICS_INFO, info, "GuestFeatures", taken);
        expect_value(world, DIAGNOSTICS_OFFLOAD, offload, "GuestFeatures", taken);
        expect_value(world, DIAGNOSTICS_INFO, info, "CtrlVqNegotiated", taken >> 17 & 1);
    }
    expect_value(world, DIAGNOSTICS_INFO, info, "InterruptMode", facts.interrupts_by_message);
    expect_value(world, DIAGNOSTICS_INFO, info, "MessageCount", facts.messages_granted);
    expect_value(world, DIAGNOSTICS_INFO, info, "LinkUp", facts.link == LINK_UP);
    if (memcmp(info + diagnostics_field(DIAGNOSTICS_INFO, "CurrentMac")->offset, facts.current_mac, 6) != 0 ||
        memcmp(info + diagnostics_field(DIAGNOSTICS_INFO, "PermanentMac")->offset, facts.permanent_mac, 6) != 0)
        world_fail(world, "a MAC address is wrong");
    if (diagnostics_value(DIAGNOSTICS_INFO, info, "Flags") >> 2 != 2)
        world_fail(world, "Flags do not say that the adapter is running and no more");
    if (!world->may_lose && !world_has_misfortune(world) && !counts.sends_failed) {
        expect_value(world, DIAGNOSTICS_INFO, info, "StatTxPackets", counts.frames_sent);
        expect_value(world, DIAGNOSTICS_INFO, info, "StatRxPackets", counts.frames_received);
        expect_value(world, DIAGNOSTICS_INFO, info, "StatTxErrors", 0);
    }
}

/* ---- who may do what ---- */

static void check_access(struct world *world, const struct io_device_facts *facts)
{
    static const struct {
        enum io_user user;
        uint32_t access, status;
    } rows[] = {
        {IO_USER_SYSTEM, IO_GENERIC_READ | IO_GENERIC_WRITE, NT_STATUS_SUCCESS},
        {IO_USER_ADMINISTRATOR, IO_GENERIC_READ | IO_GENERIC_WRITE, NT_STATUS_SUCCESS},
        {IO_USER_EVERYBODY, IO_GENERIC_READ, NT_STATUS_SUCCESS},
        {IO_USER_EVERYBODY, IO_GENERIC_WRITE, NT_STATUS_ACCESS_DENIED},
        {IO_USER_EVERYBODY, IO_GENERIC_READ | IO_GENERIC_WRITE, NT_STATUS_ACCESS_DENIED},
    };
    uint8_t bytes[DIAGNOSTICS_SIZE_MAX];
    struct io_file *file;
    if (strcmp(facts->security, DIAGNOSTICS_SECURITY) != 0)
        world_fail(world, "the device's security descriptor is %s", facts->security);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        uint32_t status = io_open(facts->link, rows[i].user, rows[i].access, &file);
        if (status != rows[i].status)
            world_fail(world, "opening the device, case %u: 0x%08x, not 0x%08x", i, (unsigned)status, (unsigned)rows[i].status);
        if (status == NT_STATUS_SUCCESS)
            io_close(file);
    }
    /* A handle for writing only cannot ask: the control codes want reading. */
    if (io_open(facts->link, IO_USER_SYSTEM, IO_WRITE_DATA, &file) == NT_STATUS_SUCCESS) {
        if (diagnostics_query(file, DIAGNOSTICS_INFO, NULL, bytes).status != NT_STATUS_ACCESS_DENIED)
            world_fail(world, "a query through a handle without the right to read was answered");
        io_close(file);
    }
}

static void expect_refusal(struct world *world, const char *what, struct io_result result, uint32_t status)
{
    if (result.status != status || result.information)
        world_fail(world, "%s: status 0x%08x and %zu bytes, not 0x%08x and none", what, (unsigned)result.status, (size_t)result.information,
                   (unsigned)status);
}

static void check_refusals(struct world *world, struct io_file *file)
{
    static const uint8_t nobody[6] = {0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE};
    uint8_t bytes[DIAGNOSTICS_SIZE_MAX];
    for (unsigned which = 0; which < DIAGNOSTICS_COUNT; ++which)
        expect_refusal(world, "an adapter that does not exist", diagnostics_query(file, which, nobody, bytes), NT_STATUS_DEVICE_NOT_READY);
    expect_refusal(world, "an unknown control code", io_control(file, 0x00226008, NULL, 0, bytes, sizeof(bytes), 0),
                   NT_STATUS_INVALID_DEVICE_REQUEST);
    expect_refusal(world, "the code of another transfer method", io_control(file, 0x00226003, NULL, 0, bytes, sizeof(bytes), 0),
                   NT_STATUS_INVALID_DEVICE_REQUEST);
    expect_refusal(world, "reading", io_transfer(file, NT_IRP_MJ_READ, bytes, 16), NT_STATUS_INVALID_DEVICE_REQUEST);
    expect_refusal(world, "writing", io_transfer(file, NT_IRP_MJ_WRITE, bytes, 16), NT_STATUS_INVALID_DEVICE_REQUEST);
    expect_refusal(world, "flushing", io_transfer(file, NT_IRP_MJ_FLUSH_BUFFERS, NULL, 0), NT_STATUS_INVALID_DEVICE_REQUEST);
}

static void check_diagnostics(struct world *world, const struct io_device_facts *facts)
{
    struct station *station = &world->stations[0];
    struct io_file *file;
    check_access(world, facts);
    if (io_open(facts->link, IO_USER_EVERYBODY, IO_GENERIC_READ, &file) != NT_STATUS_SUCCESS)
        return; /* said above */
    for (unsigned which = 0; which < DIAGNOSTICS_COUNT && !world_failed(world); ++which)
        check_sizes(world, file, which, random_chance(&world->random, 50) ? station->mac : NULL);
    if (!world_failed(world) && !device_choice_misbehaves(&world->options->device) && station_prove(station, FRAMES_SHORT))
        check_truth(station, file);
    check_refusals(world, file);
    io_close(file);
}

/* ---- storm ---- */

struct storm {
    struct world *world;
    struct random random;
    char path[IO_NAME_SIZE];
    bool diagnostics;
    atomic_bool *stops;
    struct sched_thread *thread;
};

/* In a storm adapters come and go: an answer is one of few, and what it carries is whole. */
static void judge(struct storm *storm, const struct diagnostics_structure *structure, struct io_result result, uint32_t length,
                  const uint8_t *answer)
{
    if (result.status == NT_STATUS_DEVICE_NOT_READY && !result.information)
        return;
    if (!same_result(result, expected_result(structure, length)))
        world_fail(storm->world, "%s with %u bytes, in the storm: status 0x%08x and %zu bytes", structure->name, (unsigned)length,
                   (unsigned)result.status, (size_t)result.information);
    else if (result.status == NT_STATUS_SUCCESS && (answer[0] != 1 || (answer[4] | answer[5] << 8) != structure->size))
        world_fail(storm->world, "%s, in the storm: version %u, size %u", structure->name, answer[0], answer[4] | answer[5] << 8);
}

static void request_anything(struct storm *storm, struct io_file *file)
{
    uint8_t input[GOLDEN_SIZE_MAX], output[DIAGNOSTICS_SIZE_MAX] = {0};
    struct random *random = &storm->random;
    const struct diagnostics_structure *structure = &diagnostics_structures[random_between(random, 0, DIAGNOSTICS_COUNT - 1)];
    bool known = storm->diagnostics && random_chance(random, 70);
    uint32_t code = known ? structure->code : (uint32_t)random_next(random) & ~3u;
    uint32_t input_length = random_chance(random, 30) ? 0 : random_chance(random, 40) ? 6 : random_between(random, 0, GOLDEN_SIZE_MAX);
    uint32_t output_length = random_between(random, 0, GOLDEN_SIZE_MAX);
    for (unsigned i = 0; i < input_length; ++i)
        input[i] = (uint8_t)random_next(random);
    if (input_length == 6 && random_chance(random, 70))
        memcpy(input, storm->world->stations[random_between(random, 0, 1)].mac, 6);
    struct io_result result = io_control(file, code, input, input_length, output, output_length, 0);
    if (known)
        judge(storm, structure, result, output_length, output);
}

static void storm_run(void *argument)
{
    struct storm *storm = argument;
    while (!*storm->stops && !world_failed(storm->world)) {
        struct io_file *file;
        uint32_t status = io_open(storm->path, (enum io_user)random_between(&storm->random, 0, IO_USER_COUNT - 1), IO_GENERIC_READ, &file);
        if (status == NT_STATUS_SUCCESS) {
            for (unsigned i = random_between(&storm->random, 1, STORM_REQUESTS); i-- > 0;)
                request_anything(storm, file);
            io_close(file);
        } else if (status != NT_STATUS_OBJECT_NAME_NOT_FOUND && storm->diagnostics) {
            world_fail(storm->world, "opening the device, in the storm: 0x%08x", (unsigned)status);
        }
        world_sleep(random_between(&storm->random, 0, 2));
    }
}

/* One thing that happens to adapters meanwhile. False: the scenario cannot go on. */
static bool disturb(struct world *world)
{
    struct station *station = &world->stations[0], *second = &world->stations[1];
    switch (random_between(&world->random, 0, 6)) {
    case 0:
        return adapter_pause(station->adapter) == NT_NDIS_STATUS_SUCCESS && station_restart(station);
    case 1:
        adapter_reset(station->adapter);
        return station_wait_link(station, LINK_UP);
    case 2:
        adapter_power_down(station->adapter);
        world_sleep(random_between(&world->random, 0, 20));
        return adapter_power_up(station->adapter) == NT_NDIS_STATUS_SUCCESS && station_wait_link(station, LINK_UP);
    case 3:
        if (random_chance(&world->random, 50))
            station_remove_by_surprise(station);
        else
            station_stop(station);
        if (!station_start(station) || !station_bind(station))
            return false;
        station_load_start(station);
        return true;
    case 4:
        if (second->adapter)
            station_stop(second);
        else
            return station_start(second) && station_bind(second);
        return true;
    default:
        world_sleep(random_between(&world->random, 0, 10));
        return true;
    }
}

static void storm(struct world *world, const struct io_device_facts *facts)
{
    struct storm storms[STORM_THREADS];
    atomic_bool stops = false;
    struct station *station = &world->stations[0];
    world->may_lose = true;
    station_load_start(station);
    for (unsigned i = 0; i < STORM_THREADS; ++i) {
        storms[i] = (struct storm){.world = world, .diagnostics = is_diagnostics(facts), .stops = &stops};
        snprintf(storms[i].path, sizeof(storms[i].path), "%s", facts->link);
        random_start(&storms[i].random, world->options->seed, SCHED_STREAM_COUNT + STATIONS_MAX + i);
        storms[i].thread = sched_thread_start("ioctl storm", SCHED_ANY_PROCESSOR, storm_run, &storms[i]);
    }
    bool good = true;
    for (unsigned round = 0; round < STORM_ROUNDS && good && !world_failed(world); ++round)
        good = disturb(world);
    stops = true;
    for (unsigned i = 0; i < STORM_THREADS; ++i)
        sched_thread_join(storms[i].thread);
    if (good && station->edge && station_wait_link(station, LINK_UP))
        station_prove_anew(station, FRAMES_SHORT);
}

void play_ioctl(struct world *world)
{
    struct io_device_facts facts;
    if (!world_start_one(world) || !find_device(world, &facts))
        return;
    if (is_diagnostics(&facts))
        check_diagnostics(world, &facts);
    if (!world_failed(world))
        storm(world, &facts);
}

/* ---- a handle that stays open ---- */

struct closer {
    struct io_file *file;
    unsigned after_ms;
};

static void close_later(void *argument)
{
    struct closer *closer = argument;
    world_sleep(closer->after_ms);
    io_close(closer->file);
}

/* The answer through a handle: of that station's adapter, or of none. Says nothing of other drivers' devices. */
static void ask(struct world *world, const struct io_device_facts *facts, struct io_file *file, const struct station *who)
{
    uint8_t bytes[DIAGNOSTICS_SIZE_MAX];
    if (!is_diagnostics(facts)) {
        io_control(file, (uint32_t)random_next(&world->random) & ~3u, NULL, 0, bytes, sizeof(bytes), 0);
        return;
    }
    struct io_result result = diagnostics_query(file, DIAGNOSTICS_INFO, NULL, bytes);
    if (!who)
        expect_refusal(world, "a query when no adapter is left", result, NT_STATUS_DEVICE_NOT_READY);
    else if (result.status != NT_STATUS_SUCCESS)
        world_fail(world, "a query is answered with 0x%08x", (unsigned)result.status);
    else if (memcmp(bytes + diagnostics_field(DIAGNOSTICS_INFO, "PermanentMac")->offset, adapter_facts(who->adapter).permanent_mac, 6) != 0)
        world_fail(world, "another adapter answers than that of station %u", who->index);
}

/* The last adapter is gone, and with it the device's name. */
static void check_gone(struct world *world, const struct io_device_facts *facts, struct io_file *file)
{
    struct io_file *second;
    ask(world, facts, file, NULL);
    uint32_t status = io_open(facts->link, IO_USER_ADMINISTRATOR, IO_GENERIC_READ, &second);
    if (status == NT_STATUS_SUCCESS)
        io_close(second);
    if (is_diagnostics(facts) && status != NT_STATUS_OBJECT_NAME_NOT_FOUND)
        world_fail(world, "the device can still be opened when no adapter is left: 0x%08x", (unsigned)status);
}

/* Adapters come and go under the handle. */
static bool live_under_handle(struct world *world, const struct io_device_facts *facts, struct io_file *file)
{
    struct station *first = &world->stations[0], *second = &world->stations[1];
    bool two = random_chance(&world->random, 50);
    ask(world, facts, file, first);
    if (random_chance(&world->random, 50) && (!station_bind(first) || !station_prove(first, FRAMES_SHORT)))
        return false;
    if (two && !station_start(second))
        return false;
    ask(world, facts, file, first); /* the older one */
    station_stop(first);
    if (two) {
        ask(world, facts, file, second);
        station_stop(second);
    }
    check_gone(world, facts, file);
    if (random_chance(&world->random, 50))
        return true;
    if (!station_start(first))
        return false;
    ask(world, facts, file, first);
    station_stop(first);
    check_gone(world, facts, file);
    return true;
}

void play_open_handle(struct world *world)
{
    struct io_device_facts facts;
    struct closer closer = {.after_ms = random_between(&world->random, 0, 100)};
    if (!world_load(world) || !station_start(&world->stations[0]) || !find_device(world, &facts))
        return;
    uint32_t status = io_open(facts.link, IO_USER_ADMINISTRATOR, IO_GENERIC_READ, &closer.file);
    if (status != NT_STATUS_SUCCESS) {
        world_fail(world, "the device cannot be opened: 0x%08x", (unsigned)status);
        return;
    }
    live_under_handle(world, &facts, closer.file);
    for (unsigned i = world->station_count; i-- > 0;)
        station_stop(&world->stations[i]);
    /* Windows unloads the driver when the handle is closed. */
    struct sched_thread *thread = sched_thread_start("closes the handle", SCHED_ANY_PROCESSOR, close_later, &closer);
    world_unload(world);
    sched_thread_join(thread);
}

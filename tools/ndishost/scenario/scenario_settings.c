/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_settings.c - registry keywords as users, scripts and other versions leave them: whatever is written there, the adapter starts
 * and works; what it does not take as it is, it reports.
 */
#include <stdio.h>
#include <string.h>

#include "pci/model/model_device.h"
#include "scenario/scenario.h"

enum { CASES_A_RUN = 24, FRAMES = 24, LONGEST_VALUE = 32 };

/* The ranges are those of inf/aero_virtio_net.inf; a driver that does not read a keyword is not asked about it. */
static const struct setting {
    const char *keyword;
    uint32_t low, high;
} settings[] = {
    {"*ReceiveBuffers", 16, 4096},
    {"ReceiveBufferSize", 128, 4096},
    {"*TransmitBuffers", 16, 1024},
    {"*IPChecksumOffloadIPv4", 0, 3},
    {"*TCPChecksumOffloadIPv4", 0, 3},
    {"*TCPChecksumOffloadIPv6", 0, 3},
    {"*UDPChecksumOffloadIPv4", 0, 3},
    {"*UDPChecksumOffloadIPv6", 0, 3},
    {"*LsoV2IPv4", 0, 1},
    {"*LsoV2IPv6", 0, 1},
    {"*PriorityVLANTag", 0, 3},
    {"VlanID", 0, 4094},
    {"*JumboPacket", 1514, 9014},
    {"*InterruptModeration", 0, 1},
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* How a keyword is set. */
enum variant { AT_LOW, AT_HIGH, BETWEEN, BELOW, ABOVE, FAR_ABOVE, NOT_A_NUMBER, EMPTY, NEGATIVE, VARIANTS };
enum verdict { TAKEN, REPORTED, EITHER };

/* Writes the value; what the driver is to make of it. */
static enum verdict value_make(const struct setting *setting, enum variant variant, struct random *random, char value[LONGEST_VALUE])
{
    enum verdict verdict = TAKEN;
    uint32_t number = setting->low;
    switch (variant) {
    case AT_HIGH:
        number = setting->high;
        break;
    case BETWEEN:
        number = random_between(random, setting->low, setting->high);
        break;
    case BELOW:
        verdict = setting->low ? REPORTED : TAKEN;
        number = setting->low ? setting->low - 1 : 0;
        break;
    case ABOVE:
        verdict = REPORTED;
        number = setting->high + 1;
        break;
    case FAR_ABOVE:
        verdict = REPORTED;
        number = UINT32_MAX;
        break;
    case NOT_A_NUMBER: /* NDIS itself says that there is no such number */
        strcpy(value, "automatic");
        return EITHER;
    case EMPTY:
        strcpy(value, "");
        return EITHER;
    case NEGATIVE:
        strcpy(value, "-1");
        return EITHER;
    default:
        break;
    }
    snprintf(value, LONGEST_VALUE, "%u", number);
    return verdict;
}

/* Starts, works, stops. Returns the entries that it wrote into the event log; UINT32_MAX: it did not start. */
static unsigned life(struct world *world, const char *keyword, bool *was_read)
{
    struct station *station = &world->stations[0];
    unsigned before = event_log_count();
    if (!station_start(station))
        return UINT32_MAX;
    *was_read = keyword && adapter_keyword_was_read(station->adapter, keyword);
    if (!station_bind(station))
        return UINT32_MAX;
    station_prove(station, FRAMES);
    station_unbind(station);
    unsigned entries = event_log_count() - before;
    station_stop(station);
    return entries;
}

static void play_case(struct world *world, const struct setting *setting, enum variant variant, unsigned usual)
{
    char value[LONGEST_VALUE];
    bool was_read = false;
    enum verdict verdict = value_make(setting, variant, &world->random, value);
    struct keyword before[WORLD_KEYWORDS_MAX];
    unsigned count = world->keyword_count;
    memcpy(before, world->keywords, sizeof(before));
    world_set_keyword(world, setting->keyword, value);
    /* An adapter of one VLAN has no part in frames without a tag. */
    world->may_lose = strcmp(setting->keyword, "VlanID") == 0;
    unsigned entries = life(world, setting->keyword, &was_read);
    if (entries == UINT32_MAX || world_failed(world)) {
        if (world->failure[0])
            fprintf(stderr, "ndishost: with %s=\"%s\":\n", setting->keyword, value);
    } else if (world_has_misfortune(world)) {
        /* What the driver has to say of its device it says in the same log. */
    } else if (was_read && verdict == REPORTED && entries <= usual) {
        world_fail(world, "%s=\"%s\" is out of range, and the event log does not say so", setting->keyword, value);
    } else if (verdict == TAKEN && entries > usual) {
        world_fail(world, "%s=\"%s\" is in order, and the driver wrote %u entries into the event log instead of %u", setting->keyword,
                   value, entries, usual);
    }
    memcpy(world->keywords, before, sizeof(before));
    world->keyword_count = count;
    world->may_lose = false;
}

static void play_addresses(struct world *world)
{
    static const struct {
        const char *value;
        bool taken;
    } addresses[] = {{"020102030405", true}, {"02-01-02-03-04-05", true}, {"010102030405", false}, {"000000000000", false},
                     {"0201020304", false},  {"0201020304050607", false}, {"nonsense", false},     {"FFFFFFFFFFFF", false}};
    static const uint8_t chosen[6] = {2, 1, 2, 3, 4, 5};
    struct station *station = &world->stations[0];
    for (unsigned i = 0; i < sizeof(addresses) / sizeof(addresses[0]) && !world_failed(world); ++i) {
        world_set_keyword(world, "NetworkAddress", addresses[i].value);
        if (!station_start(station) || !station_bind(station))
            return;
        bool took = memcmp(station->mac, chosen, 6) == 0;
        if (took && !addresses[i].taken)
            world_fail(world, "NetworkAddress=\"%s\" was taken", addresses[i].value);
        station_prove(station, FRAMES);
        station_stop(station);
    }
}

void play_settings(struct world *world)
{
    bool unused;
    if (!world_load(world))
        return;
    unsigned usual = life(world, NULL, &unused);
    if (usual == UINT32_MAX)
        return;
    /* All cases within a few seeds. */
    unsigned first = (unsigned)(world->options->seed * CASES_A_RUN % (SETTINGS * VARIANTS));
    for (unsigned i = 0; i < CASES_A_RUN && !world_failed(world); ++i) {
        unsigned at = (first + i) % (SETTINGS * VARIANTS);
        play_case(world, &settings[at / VARIANTS], (enum variant)(at % VARIANTS), usual);
    }
    if (!world_failed(world))
        play_addresses(world);
}

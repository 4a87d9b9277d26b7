/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * scenario_vlan_filter.c - VLANs from the registry: the device lets in exactly those of VlanID, and of VlanIds or VlanId in the hardware
 * key, before and after a reset; what is no VLAN id is left out, and the event log says so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "ndis/attributes.h"
#include "ndis/miniport.h"
#include "pci/model/model_constants.h"
#include "scenario/conversation.h"
#include "scenario/packet_plan.h"
#include "scenario/scenario.h"

#define HARDWARE_KEY "Device Parameters\\AeroVirtioNet\\"

enum { VLANS = 4096, VLAN_MOST = 4094, LIST_MOST = 64, LIST_BEYOND = 80, FRAMES = 48, TAG_BYTES = 4, TYPE_TAG = 0x8100, TEXT_MOST = 1024 };

struct vlan_play {
    struct world *world;
    struct station *station;
    struct conversation conversation;
    uint8_t wanted[VLANS / 8];
    unsigned count, own;
    bool rejected;        /* something in the registry is no VLAN id, or too many */
    char text[TEXT_MOST]; /* of VlanIds or VlanId */
    char own_text[8];
};

/* ---- the registry ---- */

static bool is_wanted(const struct vlan_play *play, unsigned vlan)
{
    return play->wanted[vlan / 8] >> vlan % 8 & 1;
}

/* What a driver is to make of one id. */
static void want(struct vlan_play *play, unsigned vlan)
{
    if (vlan < 1 || vlan > VLAN_MOST || (!is_wanted(play, vlan) && play->count == LIST_MOST)) {
        play->rejected = true;
        return;
    }
    play->count += !is_wanted(play, vlan);
    play->wanted[vlan / 8] |= (uint8_t)(1u << vlan % 8);
}

static void list_choose(struct vlan_play *play)
{
    static const char *const nonsense[] = {"0", "4095", "65541", "4294967301", "five", "-5", "5x", "0x5", "5 6"};
    struct random *random = &play->world->random;
    unsigned entries = random_chance(random, 15) ? random_between(random, LIST_MOST + 1, LIST_BEYOND) : random_between(random, 0, 12);
    size_t length = (size_t)snprintf(play->text, sizeof(play->text), "multi:");
    unsigned last = 1;
    for (unsigned i = 0; i < entries; ++i) {
        char entry[16];
        if (random_chance(random, 12)) {
            snprintf(entry, sizeof(entry), "%s", nonsense[random_between(random, 0, sizeof(nonsense) / sizeof(nonsense[0]) - 1)]);
            play->rejected = true;
        } else {
            last = random_chance(random, 12) ? last : random_between(random, 1, VLAN_MOST); /* some twice */
            snprintf(entry, sizeof(entry), "%u", last);
            want(play, last);
        }
        length += (size_t)snprintf(play->text + length, sizeof(play->text) - length, "%s%s", i ? ";" : "", entry);
    }
}

static void registry_choose(struct vlan_play *play)
{
    static const unsigned numbers[] = {0, 1, 100, 4094, 4095, 0x10005, 0xFFFFFFFF};
    struct random *random = &play->world->random;
    world_set_keyword(play->world, "*PriorityVLANTag", "3");
    play->own = random_chance(random, 30) ? random_between(random, 1, VLAN_MOST) : 0;
    snprintf(play->own_text, sizeof(play->own_text), "%u", play->own);
    world_set_keyword(play->world, "VlanID", play->own_text);
    if (play->own)
        want(play, play->own);
    if (random_chance(random, 65)) {
        list_choose(play);
        world_set_keyword(play->world, HARDWARE_KEY "VlanIds", play->text);
        /* It is not looked at beside a list. */
        if (random_chance(random, 30))
            world_set_keyword(play->world, HARDWARE_KEY "VlanId", "dword:77");
    } else if (random_chance(random, 80)) {
        unsigned number = numbers[random_between(random, 0, sizeof(numbers) / sizeof(numbers[0]) - 1)];
        snprintf(play->text, sizeof(play->text), "dword:%u", number);
        world_set_keyword(play->world, HARDWARE_KEY "VlanId", play->text);
        want(play, number);
    }
}

/* ---- the device ---- */

/* The driver's own work after a start or a reset may still be under way. */
static void table_check(struct vlan_play *play, const char *when)
{
    struct world *world = play->world;
    struct model *model = device_model(play->station->device);
    uint64_t deadline = world_deadline(PATIENCE_MS);
    struct model_filter filter = model_filter(model);
    while (memcmp(filter.vlans, play->wanted, sizeof(play->wanted)) != 0 && sched_now() < deadline && !world_has_misfortune(world) &&
           !station_device_gone(play->station)) {
        sched_event_wait(&play->station->moved, sched_now() + TICKS_PER_MS);
        filter = model_filter(model);
    }
    for (unsigned vlan = 0; vlan < VLANS && !world_has_misfortune(world); ++vlan) {
        if ((filter.vlans[vlan / 8] >> vlan % 8 & 1) != is_wanted(play, vlan)) {
            world_fail(world, "%s the device %s VLAN %u, with \"%.200s\"", when, is_wanted(play, vlan) ? "does not let in" : "lets in",
                       vlan, play->text);
            break;
        }
    }
}

/* Tagged frames of wanted and of other VLANs. */
static void frames_deliver(struct vlan_play *play, bool filtered)
{
    struct random *random = &play->world->random;
    static struct built_packet packet;
    for (unsigned i = 0; i < FRAMES && !world_failed(play->world) && !station_device_gone(play->station); ++i) {
        size_t longest = conversation_longest(&play->conversation) - TAG_BYTES;
        struct packet_plan plan = packet_plan_choose(random, play->station->mac, conversation_mac, longest, false);
        unsigned vlan = random_between(random, 1, VLAN_MOST);
        for (unsigned tries = 0; play->count && i % 2 && !is_wanted(play, vlan) && tries < VLANS; ++tries)
            vlan = vlan % VLAN_MOST + 1;
        plan.tags = 1;
        plan.tag_types[0] = TYPE_TAG;
        plan.tag_values[0] = (uint16_t)(random_between(random, 0, 7) << 13 | vlan);
        packet_build(&plan, &packet);
        bool passes = (!filtered || is_wanted(play, vlan)) && (!play->own || vlan == play->own);
        if (passes)
            conversation_deliver(&play->conversation, packet.bytes, packet.length);
        else
            conversation_deliver_unwanted(&play->conversation, packet.bytes, packet.length);
    }
    conversation_settle(&play->conversation);
}

static bool list_is_mentioned(unsigned from)
{
    for (unsigned i = from; i < event_log_count(); ++i) {
        struct event_log_entry entry = event_log_entry(i);
        if (strstr(entry.text, "VlanIds"))
            return true;
    }
    return false;
}

void play_vlan_filter(struct world *world)
{
    struct vlan_play play = {.world = world, .station = &world->stations[0]};
    struct station *station = play.station;
    unsigned entries = event_log_count();
    registry_choose(&play);
    conversation_begin(&play.conversation, station);
    if (!world_start_one(world))
        goto over;
    struct model *model = device_model(station->device);
    if (!model || !adapter_keyword_was_read(station->adapter, "*PriorityVLANTag")) {
        world_inapplicable(world, "this driver reads no *PriorityVLANTag, or its device shows nobody its filter");
        goto over;
    }
    bool filtered = device_takes_commands(station->device, FEATURE_CTRL_VLAN);
    if (!filtered && play.count && (world_model(world)->features & FEATURE_BIT(FEATURE_CTRL_VLAN)) &&
        device_takes_commands(station->device, FEATURE_CTRL_VQ) && !world_has_misfortune(world))
        world_fail(world, "%u VLANs are configured, and CTRL_VLAN was not taken", play.count);
    if (list_is_mentioned(entries) != play.rejected && !world_has_misfortune(world))
        world_fail(world, "the event log speaks %s bad entries of \"%.200s\"", play.rejected ? "not of" : "of", play.text);
    for (unsigned round = 0; round < 3 && !world_failed(world) && !station_device_gone(station); ++round) {
        if (filtered)
            table_check(&play, round ? "after a reset" : "after the start");
        frames_deliver(&play, filtered);
        if (round < 2)
            (void)adapter_reset(station->adapter);
    }
over:
    station_unbind(station);
    conversation_end(&play.conversation);
}

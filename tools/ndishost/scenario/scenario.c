/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario.c - the table of scenarios. */
#include "scenario/scenario.h"

#include <string.h>

const struct scenario scenarios[] = {
    {"life-cycle", "load, initialise, restart, some traffic, pause, halt, unload; and the same without traffic", play_life_cycle, false},
    {"traffic", "frames of every length both ways, each byte compared, none lost, doubled or out of order", play_traffic, false},
    {"odd-frames", "fragments, options, extension headers, tags, broken lengths and sums: each frame both ways, byte by byte",
     play_odd_frames, true},
    {"jumbo", "frames up to 9014 bytes both ways, before and after a reset", play_jumbo, true},
    {"offload",
     "checksums and large sends of every kind, the settings changed meanwhile: each frame on the wire is the one that was planned",
     play_offload, true},
    {"receive-checksum", "frames with whole, partial, wrong and no checksums: what arrives is what was sent, and claims about it are true",
     play_receive_checksum, true},
    {"vlan", "802.1Q tags beside the frame, both ways, by *PriorityVLANTag and VlanID", play_vlan, true},
    {"vlan-filter", "VLANs from the registry, good and bad ones: the device lets in exactly the good ones, also after a reset",
     play_vlan_filter, true},
    {"filter",
     "packet filter and multicast list change under traffic: exactly the wanted frames arrive; OIDs end though the device is silent",
     play_filter, true},
    {"control-queue",
     "filters are set while the device answers late or not at all, and are cancelled, reset, put to sleep, halted or removed meanwhile",
     play_control, true},
    {"announce",
     "the device asks for announcements: gratuitous ARP and neighbour advertisements of all addresses, then the acknowledgement",
     play_announce, true},
    {"settings",
     "each keyword at its limits, beyond them and as nonsense: the adapter starts, and says in the event log what it did not take",
     play_settings, true},
    {"pause-restart",
     "pause and restart again and again while frames go both ways; at last a device that is slow, and whose interrupts are lost",
     play_pause_restart, false},
    {"oid-storm", "every OID of the list and unknown ones, query and set, all lengths, with cancels, while frames go both ways",
     play_oid_storm, false},
    {"send-cancel", "sends are cancelled by their id while others go on; each comes back exactly once", play_send_cancel, false},
    {"link-flap", "the cable is pulled and put back while frames go both ways", play_link_flap, true},
    {"reset", "check for hang and resets at both IRQLs while frames go both ways; it works afterwards", play_reset, false},
    {"recovery", "the device breaks down under load, time and again: within a second frames go both ways, with all settings", play_recovery,
     true},
    {"stubborn", "the device goes on breaking down: pause, reset, sleep, halt and removal end in bounded time", play_stubborn, true},
    {"power", "D0 to D3 and back as NDIS does it, in the middle of traffic", play_power, false},
    {"surprise-removal", "the device is gone at any moment: in initialisation, in traffic, between", play_surprise_removal, true},
    {"halt-in-traffic", "halt while frames go both ways, then start again", play_halt_in_traffic, false},
    {"reload", "load and unload the driver again and again, with and without adapters", play_reload, false},
    {"no-buffers", "the network stack keeps every receive buffer, and frames come in while paused: each is counted as what it is",
     play_no_buffers, true},
    {"low-memory", "each acquisition after the start is refused with a probability of 1/8", play_low_memory, false},
    {"clock-jump", "time jumps ahead by seconds to days, as in a machine that was paused", play_clock_jump, false},
    {"several-adapters", "two to four adapters of one driver come and go independently, with traffic on all", play_several_adapters, false},
    {"ioctl", "the driver's device object: every size, access, unknown requests; then a storm of them while adapters come and go",
     play_ioctl, false},
    {"open-handle", "somebody has the driver's device object open when adapters are halted and the driver is unloaded", play_open_handle,
     false},
    {"shutdown", "the machine is switched off, or stops with a bug check, in the middle of traffic", play_shutdown, false},
    {NULL, NULL, NULL, false},
};

const struct scenario *scenario_find(const char *name)
{
    for (const struct scenario *scenario = scenarios; scenario->name; ++scenario)
        if (strcmp(scenario->name, name) == 0)
            return scenario;
    return NULL;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario.h - the scenarios of `ndishost check`: what is done to a driver, by name. */
#ifndef NDISHOST_SCENARIO_SCENARIO_H
#define NDISHOST_SCENARIO_SCENARIO_H

#include "scenario/world.h"

struct scenario {
    const char *name;
    const char *text; /* one line */
    /* On a fresh world, on a thread at PASSIVE_LEVEL; whatever it leaves up is taken down by world_finish(). */
    void (*run)(struct world *world);
    bool needs_device; /* what it does is done to the device, or seen at its cable */
};
/* In the order in which they are run; ends with an entry whose name is NULL. */
extern const struct scenario scenarios[];
/* NULL: no such scenario. */
const struct scenario *scenario_find(const char *name);

/* scenario_life.c */
void play_life_cycle(struct world *world);
void play_reload(struct world *world);
void play_several_adapters(struct world *world);
void play_shutdown(struct world *world);
/* scenario_traffic.c */
void play_traffic(struct world *world);
void play_pause_restart(struct world *world);
void play_halt_in_traffic(struct world *world);
void play_send_cancel(struct world *world);
/* scenario_frames.c */
void play_odd_frames(struct world *world);
void play_jumbo(struct world *world);
/* scenario_no_buffers.c */
void play_no_buffers(struct world *world);
/* scenario_offload.c */
void play_offload(struct world *world);
void play_receive_checksum(struct world *world);
void play_vlan(struct world *world);
void play_vlan_filter(struct world *world);
/* scenario_filter.c */
void play_filter(struct world *world);
/* scenario_control.c */
void play_control(struct world *world);
/* scenario_announce.c */
void play_announce(struct world *world);
/* scenario_settings.c */
void play_settings(struct world *world);
/* scenario_outside.c */
void play_link_flap(struct world *world);
void play_surprise_removal(struct world *world);
void play_clock_jump(struct world *world);
/* scenario_recovery.c */
void play_reset(struct world *world);
void play_power(struct world *world);
void play_low_memory(struct world *world);
/* scenario_device.c */
void play_ioctl(struct world *world);
void play_open_handle(struct world *world);
/* scenario_strike.c */
void play_recovery(struct world *world);
void play_stubborn(struct world *world);
/* scenario_oid.c */
void play_oid_storm(struct world *world);

#endif

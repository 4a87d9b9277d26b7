/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_layout.h - where the structures of a model device lie: BARs, offsets, lengths, capabilities. */
#ifndef NDISHOST_PCI_MODEL_MODEL_LAYOUT_H
#define NDISHOST_PCI_MODEL_MODEL_LAYOUT_H

#include "model_constants.h"
#include "model_device.h"

struct model_bar {
    uint32_t size; /* 0: absent */
    bool is_64bit, prefetchable, is_port;
};

struct model_range {
    unsigned bar;
    uint32_t offset, length;
};

/* An entry of the capability list, in list order. */
struct model_capability {
    uint8_t id;     /* PCI capability id */
    uint8_t type;   /* of a virtio capability */
    uint8_t length; /* bytes it occupies, cap_len of a virtio capability */
    struct model_range range;
};

enum { MODEL_CAPABILITIES_MAX = 14 };

struct model_layout {
    struct model_bar bars[PCI_BASE_ADDRESS_COUNT];
    struct model_range common, notify, isr, device, msix_table, msix_pending; /* the first instance of each */
    uint32_t multiplier;
    uint16_t notify_off[MODEL_QUEUES_MAX];
    struct model_capability capabilities[MODEL_CAPABILITIES_MAX];
    unsigned capability_count;
};

/* A small generator of its own for everything that a seed decides: splitmix64. */
struct model_random {
    uint64_t state;
};
uint64_t model_random_next(struct model_random *random);
/* 0..below-1; below > 0. */
uint32_t model_random_below(struct model_random *random, uint32_t below);
/* True in `percent` of 100 cases. */
bool model_random_chance(struct model_random *random, unsigned percent);

/* Number of queues that a device with these options has. */
unsigned model_queue_count(const struct model_options *options);
/* Bytes of device configuration that the offered features make necessary; `contract` has max_virtqueue_pairs always. */
uint32_t model_net_config_length(const struct model_options *options);
/* False and one line when the options cannot be laid out (a multiplier that makes the notification area larger than a BAR may be). */
bool model_layout_build(struct model_layout *layout, const struct model_options *options, char *error, size_t error_size);

#endif

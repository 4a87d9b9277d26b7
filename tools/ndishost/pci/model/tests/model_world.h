/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_world.h - a model device with memory and interrupt wires, and a small virtio-net driver for it, for tests. The driver behaves
 * well; each of its parts can be called alone, so that a test leaves out or distorts one. No processors are needed: the test takes the
 * device's steps.
 */
#ifndef NDISHOST_PCI_MODEL_TESTS_MODEL_WORLD_H
#define NDISHOST_PCI_MODEL_TESTS_MODEL_WORLD_H

#include "pci/model/model_constants.h"
#include "pci/model/model_device.h"
#include "rules/rules.h"

enum { WORLD_RAM = 64 << 20, WORLD_QUEUES = 3, WORLD_STEPS = 400000, WORLD_FRAME_MAX = 66000 };
enum { RX, TX, CONTROL };

struct world_place {
    bool found;
    unsigned bar;
    uint32_t offset, length;
};

struct world_queue {
    unsigned index;
    uint16_t size, available, used_seen, notify_off;
    uint64_t descriptors, driver_area, device_area;
    uint16_t free_count;
    uint16_t *free_list;     /* descriptors that are free */
    uint16_t *chain_length;  /* by head: main table descriptors of the chain */
    uint16_t (*members)[8];  /* by head: them */
    uint64_t *cookie;        /* by head: the driver's own (buffer address) */
    uint32_t *cookie_length; /* by head */
    uint64_t indirect;       /* tables of 8 descriptors, by head */
};

struct world {
    struct ndishost_pci_host host;
    struct ndishost_pci_device device;
    struct model *model;
    struct model_options options;
    uint8_t *ram;
    uint64_t next_page;
    bool line;
    unsigned line_count, messages[64], message_total, failures;
    int interrupted; /* eventfd: counts interrupts, for tests whose device is driven by an agent */

    /* the driver */
    struct world_place common, notify, isr, config;
    uint32_t multiplier;
    unsigned vectors;
    uint64_t offered, accepted;
    unsigned header_bytes;
    bool indirect;
    uint32_t receive_bytes; /* of each buffer */
    struct world_queue queues[WORLD_QUEUES];
    uint8_t mac[6];

    /* frames that left the device, last one kept */
    unsigned frames;
    size_t last_length;
    uint8_t last[WORLD_FRAME_MAX];
    void (*on_frame)(struct world *world, const uint8_t *frame, size_t length);
    void *test;
};

/* `text` as after --device model; the caller takes the steps. Forgets every rule report so far. */
struct world *world_open(const char *text);
struct world *world_open_options(const struct model_options *options);
void world_close(struct world *world);
/* Steps until the device has nothing to do; asserts that it gets there. */
void world_drain(struct world *world);
/* Asserts that no rule was reported, warnings included if `warnings` is 0. */
void world_assert_clean(struct world *world, bool warnings_allowed);

/* Memory for the device; zeroed, page aligned; never given back. */
uint64_t world_memory(struct world *world, size_t bytes);
void *world_at(struct world *world, uint64_t physical);

/* ---- registers ---- */
uint64_t read_common(struct world *world, unsigned offset, unsigned width);
void write_common(struct world *world, unsigned offset, unsigned width, uint64_t value);
uint64_t read_config(struct world *world, unsigned offset, unsigned width);
uint8_t read_isr(struct world *world);
void ring_doorbell(struct world *world, unsigned queue);

/* ---- bring-up, in its steps ---- */
void driver_find(struct world *world);        /* capabilities, decoding and mastering on; MSI-X on with every entry if there is one */
bool driver_reset(struct world *world);       /* false: the status never became 0 */
void driver_acknowledge(struct world *world); /* ACKNOWLEDGE, DRIVER */
uint64_t driver_offered(struct world *world);
void driver_accept(struct world *world, uint64_t features);
bool driver_features_ok(struct world *world);
void driver_read_mac(struct world *world);
bool driver_vectors(struct world *world);                     /* vector 0 for everything; false: one did not read back */
bool driver_queue_setup(struct world *world, unsigned queue); /* false: the device has an impossible size for it */
void driver_ok(struct world *world);
/* All of it with offered & wanted, and receive buffers. False: the device refused something. */
bool driver_start(struct world *world, uint64_t wanted);
/* Features that the test's driver knows. */
uint64_t driver_features(void);

/* ---- rings ---- */
struct part {
    uint64_t address;
    uint32_t length;
    bool writable;
};
/* Takes descriptors, or an indirect table if the world's `indirect` says so and it is allowed; -1: none free. */
int queue_add(struct world *world, unsigned queue, const struct part *parts, unsigned count);
void queue_publish(struct world *world, unsigned queue, uint16_t head);
/* Rings the doorbell when the device asked for it since index `before`. */
void queue_notify(struct world *world, unsigned queue, uint16_t before);
/* Next used entry; false: none. Frees the chain's descriptors. */
bool queue_used(struct world *world, unsigned queue, uint32_t *id, uint32_t *length);
uint16_t queue_used_index(struct world *world, unsigned queue);
uint16_t *queue_available_flags(struct world *world, unsigned queue);
void *queue_descriptor(struct world *world, unsigned queue, unsigned index);

/* ---- traffic ---- */
/* Posts as many receive buffers as the queue takes, at most `limit`. */
void driver_post(struct world *world, unsigned limit);
/* Header (may be NULL: zero) and frame; publishes and notifies. Returns the head. */
int driver_send(struct world *world, const uint8_t header[12], const uint8_t *frame, size_t length);
/* A frame if one is there: length without header, 0 for none; the header into `header`. Buffers are posted again. */
size_t driver_receive(struct world *world, uint8_t *frame, uint8_t header[12]);
/* Runs a command and returns the acknowledgement; -1: it did not complete. */
int driver_control(struct world *world, uint8_t class, uint8_t command, const void *data, size_t length);
/* Sends a few frames and injects a few, and checks that they arrive. */
void driver_exercise(struct world *world);

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* minimal_config.c - builds the configuration space as bytes with a mask of what the host may write. */
#include "minimal_config.h"

#include <string.h>

enum {
    COMMAND = 0x04,
    COMMAND_MEMORY = 0x0002,
    COMMAND_MASTER = 0x0004,
    COMMAND_LINE_DISABLE = 0x0400,
    STATUS = 0x06,
    STATUS_INTERRUPT = 0x08,
    STATUS_CAPABILITIES = 0x10,
    BARS = 0x10,
    CAPABILITIES = 0x34,
    INTERRUPT_LINE = 0x3c,
    INTERRUPT_PIN = 0x3d,
    FIRST_CAPABILITY = 0x40,
    VENDOR_CAPABILITY = 0x09,
    MSIX_CAPABILITY = 0x11,
    MSIX_ENABLE = 0x8000,
    MSIX_FUNCTION_MASK = 0x4000,
    BAR_64BIT = 0x4,
};

/* AERO-W7-VIRTIO v1, and a layout of virtio 1.x in another BAR and order. */
static const struct minimal_layout contract_layout = {
    .bar = 0,
    .msix_bar = 2,
    .size = 0x4000,
    .common = {0x0000, 0x100},
    .notify = {0x1000, 0x100},
    .isr = {0x2000, 0x20},
    .device = {0x3000, 0x100},
};
static const struct minimal_layout virtio_layout = {
    .bar = 4,
    .msix_bar = 1,
    .size = 0x4000,
    .common = {0x0000, 0x1000},
    .notify = {0x3000, 0x1000},
    .isr = {0x1000, 0x1000},
    .device = {0x2000, 0x1000},
};

const struct minimal_layout *minimal_layout(bool contract)
{
    return contract ? &contract_layout : &virtio_layout;
}

static void put(uint8_t *bytes, unsigned offset, unsigned width, uint32_t value)
{
    memcpy(bytes + offset, &value, width);
}

/* A memory BAR: the writable bits are those above its size. */
static void bar_put(struct minimal_config *config, unsigned index, uint32_t size, bool is_64bit)
{
    put(config->bytes, BARS + 4 * index, 4, is_64bit ? BAR_64BIT : 0);
    put(config->writable, BARS + 4 * index, 4, ~(size - 1));
    if (is_64bit)
        put(config->writable, BARS + 4 * index + 4, 4, UINT32_MAX);
}

/* Appends a capability to the list; returns its offset. `link` is where the previous one points from. */
static unsigned capability_put(struct minimal_config *config, unsigned *link, unsigned *next, uint8_t id, unsigned length)
{
    unsigned at = *next;
    config->bytes[*link] = (uint8_t)at;
    config->bytes[at] = id;
    *link = at + 1;
    *next = (at + length + 3) & ~3u;
    return at;
}

static void virtio_capability_put(struct minimal_config *config, unsigned *link, unsigned *next, uint8_t type, unsigned bar,
                                  const struct minimal_range *range)
{
    uint8_t length = type == 2 ? 20 : 16;
    unsigned at = capability_put(config, link, next, VENDOR_CAPABILITY, length);
    config->bytes[at + 2] = length;
    config->bytes[at + 3] = type;
    config->bytes[at + 4] = (uint8_t)bar;
    put(config->bytes, at + 8, 4, range->offset);
    put(config->bytes, at + 12, 4, range->length);
    if (type == 2)
        put(config->bytes, at + 16, 4, MINIMAL_NOTIFY_MULTIPLIER);
}

void minimal_config_init(struct minimal_config *config, bool contract, unsigned vectors)
{
    const struct minimal_layout *layout = minimal_layout(contract);
    unsigned link = CAPABILITIES, next = FIRST_CAPABILITY;
    memset(config, 0, sizeof *config);
    put(config->bytes, 0x00, 4, 0x10411af4);                         /* virtio-net, modern */
    put(config->bytes, 0x08, 4, 0x02000001);                         /* Ethernet controller, revision 1 */
    put(config->bytes, 0x2c, 4, contract ? 0x00011af4 : 0x11001af4); /* subsystem */
    config->bytes[STATUS] = STATUS_CAPABILITIES;
    config->bytes[INTERRUPT_PIN] = 1;
    config->writable[INTERRUPT_LINE] = 0xff;
    put(config->writable, COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_LINE_DISABLE);
    bar_put(config, layout->bar, layout->size, true);

    virtio_capability_put(config, &link, &next, 1, layout->bar, &layout->common);
    virtio_capability_put(config, &link, &next, 2, layout->bar, &layout->notify);
    virtio_capability_put(config, &link, &next, 3, layout->bar, &layout->isr);
    virtio_capability_put(config, &link, &next, 4, layout->bar, &layout->device);
    if (vectors) {
        bar_put(config, layout->msix_bar, MINIMAL_MSIX_SIZE, false);
        config->msix = capability_put(config, &link, &next, MSIX_CAPABILITY, 12);
        put(config->bytes, config->msix + 2, 2, vectors - 1);
        put(config->writable, config->msix + 2, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK);
        put(config->bytes, config->msix + 4, 4, layout->msix_bar);
        put(config->bytes, config->msix + 8, 4, layout->msix_bar | MINIMAL_PBA_OFFSET);
    }
}

uint32_t minimal_config_read(const struct minimal_config *config, unsigned offset, unsigned width)
{
    uint32_t value = 0;
    if (width > 4 || offset > MINIMAL_CONFIG_SIZE - width)
        return UINT32_MAX;
    memcpy(&value, config->bytes + offset, width);
    return value;
}

void minimal_config_write(struct minimal_config *config, unsigned offset, unsigned width, uint32_t value)
{
    if (width > 4 || offset > MINIMAL_CONFIG_SIZE - width)
        return;
    for (unsigned i = 0; i < width; i++) {
        uint8_t mask = config->writable[offset + i];
        config->bytes[offset + i] = (uint8_t)((config->bytes[offset + i] & ~mask) | (value >> (8 * i) & mask));
    }
}

static bool command_bit(const struct minimal_config *config, unsigned bit)
{
    return minimal_config_read(config, COMMAND, 2) & bit;
}

bool minimal_config_memory_enabled(const struct minimal_config *config)
{
    return command_bit(config, COMMAND_MEMORY);
}

bool minimal_config_master_enabled(const struct minimal_config *config)
{
    return command_bit(config, COMMAND_MASTER);
}

bool minimal_config_line_disabled(const struct minimal_config *config)
{
    return command_bit(config, COMMAND_LINE_DISABLE);
}

static bool msix_bit(const struct minimal_config *config, unsigned bit)
{
    return config->msix && (minimal_config_read(config, config->msix + 2, 2) & bit);
}

bool minimal_config_msix_enabled(const struct minimal_config *config)
{
    return msix_bit(config, MSIX_ENABLE);
}

bool minimal_config_msix_masked(const struct minimal_config *config)
{
    return msix_bit(config, MSIX_FUNCTION_MASK);
}

void minimal_config_set_interrupt(struct minimal_config *config, bool pending)
{
    config->bytes[STATUS] = (uint8_t)(STATUS_CAPABILITIES | (pending ? STATUS_INTERRUPT : 0));
}

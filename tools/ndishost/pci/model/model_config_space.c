/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_config_space.c - writes header, base address registers and the capability list of a layout; reads and masked writes. */
#include "model_config_space.h"

#include <string.h>

enum { CLASS_ETHERNET = 0x020000 };

static void put(uint8_t *bytes, unsigned offset, unsigned width, uint32_t value)
{
    memcpy(bytes + offset, &value, width); /* host and bus are little-endian */
}

static void bars_put(struct model_config_space *space, const struct model_layout *layout)
{
    for (unsigned i = 0; i < PCI_BASE_ADDRESS_COUNT; i++) {
        const struct model_bar *bar = &layout->bars[i];
        unsigned offset = PCI_BASE_ADDRESSES + 4 * i;
        if (!bar->size)
            continue;
        uint32_t kind =
            bar->is_port ? PCI_BAR_PORT : (bar->is_64bit ? PCI_BAR_64BIT : 0u) | (bar->prefetchable ? PCI_BAR_PREFETCHABLE : 0u);
        put(space->bytes, offset, 4, kind);
        put(space->writable, offset, 4, ~(bar->size - 1));
        if (bar->is_64bit)
            put(space->writable, offset + 4, 4, UINT32_MAX);
    }
}

static void vendor_capability_put(struct model_config_space *space, const struct model_layout *layout,
                                  const struct model_capability *capability, unsigned at)
{
    uint8_t *bytes = space->bytes;
    bytes[at + CAP_LENGTH] = capability->length;
    bytes[at + CAP_TYPE] = capability->type;
    if (capability->type == CAP_VENDOR_DATA) {
        /* A vendor's own: the vendor id stands where others have the BAR; the rest is his. */
        put(bytes, at + CAP_BAR, 2, 0x1b36);
        put(bytes, at + CAP_OFFSET, 4, capability->range.offset);
        return;
    }
    bytes[at + CAP_BAR] = (uint8_t)capability->range.bar;
    put(bytes, at + CAP_OFFSET, 4, capability->range.offset);
    put(bytes, at + CAP_SIZE, 4, capability->range.length);
    if (capability->type == CAP_NOTIFY)
        put(bytes, at + CAP_MULTIPLIER, 4, layout->multiplier);
    if (capability->type == CAP_PCI_CFG && !space->pci_cfg) {
        space->pci_cfg = at;
        space->writable[at + CAP_BAR] = 0xff;
        put(space->writable, at + CAP_OFFSET, 4, UINT32_MAX);
        put(space->writable, at + CAP_SIZE, 4, UINT32_MAX);
    }
}

static void capability_put(struct model_config_space *space, const struct model_layout *layout, const struct model_options *options,
                           const struct model_capability *capability, unsigned at)
{
    uint8_t *bytes = space->bytes;
    bytes[at] = capability->id;
    switch (capability->id) {
    case PCI_CAP_VENDOR:
        vendor_capability_put(space, layout, capability, at);
        break;
    case PCI_CAP_MSIX:
        space->msix = at;
        put(bytes, at + MSIX_CONTROL, 2, options->vectors - 1);
        put(space->writable, at + MSIX_CONTROL, 2, MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK);
        put(bytes, at + MSIX_TABLE, 4, layout->msix_table.offset | layout->msix_table.bar);
        put(bytes, at + MSIX_PENDING, 4, layout->msix_pending.offset | layout->msix_pending.bar);
        break;
    default: /* power management: version 3, D0, nothing to switch */
        put(bytes, at + 2, 2, 0x0003);
        break;
    }
}

/* Places and links the list. By the seed its entries stand in the order of the list, or against it. */
static void capabilities_put(struct model_config_space *space, const struct model_layout *layout, const struct model_options *options)
{
    unsigned places[MODEL_CAPABILITIES_MAX], next = PCI_HEADER_END, link = PCI_CAPABILITIES;
    bool backwards = options->layout == MODEL_LAYOUT_RANDOM && (options->seed & 1);
    for (unsigned i = 0; i < layout->capability_count; i++) {
        unsigned index = backwards ? layout->capability_count - 1 - i : i;
        places[index] = next;
        next += (layout->capabilities[index].length + 3u) & ~3u;
    }
    for (unsigned i = 0; i < layout->capability_count; i++) {
        space->bytes[link] = (uint8_t)places[i];
        capability_put(space, layout, options, &layout->capabilities[i], places[i]);
        link = places[i] + 1;
    }
}

void model_config_space_build(struct model_config_space *space, const struct model_layout *layout, const struct model_options *options)
{
    memset(space, 0, sizeof *space);
    put(space->bytes, 0x00, 4,
        (uint32_t)(options->transitional ? VIRTIO_NET_TRANSITIONAL_ID : VIRTIO_NET_DEVICE_ID) << 16 | VIRTIO_VENDOR_ID);
    put(space->bytes, PCI_REVISION, 4, CLASS_ETHERNET << 8 | options->revision);
    put(space->bytes, PCI_SUBSYSTEM, 4, (uint32_t)options->subsystem << 16 | options->subsystem_vendor);
    space->bytes[PCI_STATUS] = PCI_STATUS_CAPABILITIES;
    space->bytes[PCI_PIN] = 1;
    space->writable[PCI_LINE] = 0xff;
    put(space->writable, PCI_COMMAND, 2, PCI_COMMAND_PORTS | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_LINE_OFF);
    bars_put(space, layout);
    capabilities_put(space, layout, options);
}

uint32_t model_config_space_read(const struct model_config_space *space, unsigned offset, unsigned width)
{
    uint32_t value = 0;
    if (width > 4 || offset > PCI_CONFIG_SIZE - width)
        return UINT32_MAX;
    memcpy(&value, space->bytes + offset, width);
    return value;
}

void model_config_space_write(struct model_config_space *space, unsigned offset, unsigned width, uint32_t value)
{
    if (width > 4 || offset > PCI_CONFIG_SIZE - width)
        return;
    for (unsigned i = 0; i < width; i++) {
        uint8_t mask = space->writable[offset + i];
        space->bytes[offset + i] = (uint8_t)((space->bytes[offset + i] & ~mask) | (value >> (8 * i) & mask));
    }
}

bool model_config_space_command(const struct model_config_space *space, unsigned bits)
{
    return model_config_space_read(space, PCI_COMMAND, 2) & bits;
}

bool model_config_space_msix(const struct model_config_space *space, unsigned bits)
{
    return space->msix && (model_config_space_read(space, space->msix + MSIX_CONTROL, 2) & bits);
}

void model_config_space_set_interrupt(struct model_config_space *space, bool pending)
{
    space->bytes[PCI_STATUS] = (uint8_t)(PCI_STATUS_CAPABILITIES | (pending ? PCI_STATUS_INTERRUPT : 0));
}

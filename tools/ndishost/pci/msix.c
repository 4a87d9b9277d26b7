/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* msix.c - MSI-X: discovery, programming of the table through the BAR that holds it, masking. */
#include "msix.h"

enum {
    CONFIG_STATUS = 0x06,
    CONFIG_CAPABILITIES = 0x34,
    CONFIG_HEADER_END = 0x40,
    CONFIG_SIZE = 256,
    STATUS_CAPABILITIES = 0x0010,
    CAPABILITIES_MAX = 48,
    CAPABILITY_MSIX = 0x11,
    CAPABILITY_SIZE = 12,
    CONTROL = 2,
    CONTROL_ENABLE = 0x8000,
    CONTROL_FUNCTION_MASK = 0x4000,
    CONTROL_SIZE = 0x7ff,
    TABLE = 4,
    ENTRY_SIZE = 16,
    ENTRY_ADDRESS = 0,
    ENTRY_ADDRESS_HIGH = 4,
    ENTRY_DATA = 8,
    ENTRY_CONTROL = 12,
    ENTRY_MASKED = 1,
};

/* Where the capability stands, with all its registers inside the configuration space; 0: there is none. */
static unsigned capability_find(const struct ndishost_pci_device *device)
{
    if (!(device->ops->config_read(device->state, CONFIG_STATUS, 2) & STATUS_CAPABILITIES))
        return 0;
    unsigned at = device->ops->config_read(device->state, CONFIG_CAPABILITIES, 1) & 0xfc;
    for (unsigned steps = 0; at >= CONFIG_HEADER_END && steps < CAPABILITIES_MAX; steps++) {
        unsigned header = device->ops->config_read(device->state, at, 2);
        if ((header & 0xff) == CAPABILITY_MSIX)
            return at <= CONFIG_SIZE - CAPABILITY_SIZE ? at : 0;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

void msix_discover(struct msix *msix, const struct ndishost_pci_device *device, const struct pci_bar bars[PCI_BAR_COUNT])
{
    unsigned capability = capability_find(device);
    msix->device = device;
    msix->capability = capability;
    msix->entries = 0;
    atomic_init(&msix->granted, 0);
    if (!capability)
        return;
    unsigned control = device->ops->config_read(device->state, capability + CONTROL, 2);
    uint32_t table = device->ops->config_read(device->state, capability + TABLE, 4);
    unsigned entries = (control & CONTROL_SIZE) + 1, bar = table & 7;
    uint32_t offset = table & ~UINT32_C(7);
    if (bar < PCI_BAR_COUNT && bars[bar].present && !bars[bar].is_port && offset <= bars[bar].size &&
        entries * ENTRY_SIZE <= bars[bar].size - offset) {
        msix->entries = entries;
        msix->table_bar = bar;
        msix->table_offset = offset;
    }
}

static void control_write(struct msix *msix, unsigned set, unsigned clear)
{
    const struct ndishost_pci_device *device = msix->device;
    unsigned control = device->ops->config_read(device->state, msix->capability + CONTROL, 2);
    device->ops->config_write(device->state, msix->capability + CONTROL, 2, (control & ~clear) | set);
}

static void entry_write(struct msix *msix, unsigned entry, unsigned field, uint32_t value)
{
    const struct ndishost_pci_device *device = msix->device;
    device->ops->bar_write(device->state, msix->table_bar, msix->table_offset + (uint64_t)entry * ENTRY_SIZE + field, 4, value);
}

bool msix_enable(struct msix *msix, unsigned messages)
{
    const struct ndishost_pci_device *device = msix->device;
    if (messages == 0 || messages > msix->entries || messages > MSIX_MAX_MESSAGES || !device->ops->message_target)
        return false;
    for (unsigned i = 0; i < messages; i++) {
        if (!device->ops->message_target(device->state, i, &msix->addresses[i], &msix->values[i]))
            return false;
    }
    /* Nothing is delivered while the table is half written. */
    control_write(msix, CONTROL_ENABLE | CONTROL_FUNCTION_MASK, 0);
    for (unsigned i = 0; i < msix->entries; i++) {
        if (i < messages) {
            entry_write(msix, i, ENTRY_ADDRESS, (uint32_t)msix->addresses[i]);
            entry_write(msix, i, ENTRY_ADDRESS_HIGH, (uint32_t)(msix->addresses[i] >> 32));
            entry_write(msix, i, ENTRY_DATA, msix->values[i]);
        }
        entry_write(msix, i, ENTRY_CONTROL, i < messages ? 0 : ENTRY_MASKED);
    }
    atomic_store(&msix->granted, messages); /* publishes addresses and values to msix_find() */
    control_write(msix, 0, CONTROL_FUNCTION_MASK);
    return true;
}

void msix_disable(struct msix *msix)
{
    unsigned granted = atomic_exchange(&msix->granted, 0);
    if (!granted)
        return;
    control_write(msix, 0, CONTROL_ENABLE | CONTROL_FUNCTION_MASK);
    for (unsigned i = 0; i < granted; i++)
        entry_write(msix, i, ENTRY_CONTROL, ENTRY_MASKED);
}

bool msix_mask(struct msix *msix, unsigned entry, bool masked)
{
    if (entry >= msix->granted)
        return false;
    entry_write(msix, entry, ENTRY_CONTROL, masked ? ENTRY_MASKED : 0);
    return true;
}

int msix_find(const struct msix *msix, uint64_t address, uint32_t data)
{
    unsigned granted = atomic_load(&msix->granted);
    for (unsigned i = 0; i < granted; i++) {
        if (msix->addresses[i] == address && msix->values[i] == data)
            return (int)i;
    }
    return -1;
}

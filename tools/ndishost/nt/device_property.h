/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_property.h - what Plug and Play knows of a physical device: its properties, and the interfaces that the driver registers for it.
 */
#ifndef NDISHOST_NT_DEVICE_PROPERTY_H
#define NDISHOST_NT_DEVICE_PROPERTY_H

#include <stdbool.h>
#include <stdint.h>

struct device_identity {
    bool on_pci; /* else a root device: none of the numbers counts but `number` */
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t revision, base_class, sub_class, interface;
    unsigned number; /* the device's place on its bus */
};

void device_property_add(const void *physical_device, const struct device_identity *identity);
/* Interfaces that are still enabled are warning HOST-INTERFACE, and go. */
void device_property_remove(const void *physical_device);
/* "PCI\VEN_..." or "ROOT\NET", the instance behind it; false: not a physical device. */
bool device_property_instance(const void *physical_device, char *text, unsigned size);
/* device_interface.c: as above. */
void device_interfaces_remove(const void *physical_device);

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry.h - the part of the registry that drivers reach by kernel calls: the hardware keys of devices, in memory. */
#ifndef NDISHOST_NT_REGISTRY_H
#define NDISHOST_NT_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

/* The key "...\Enum\<instance>\Device Parameters" of a device exists from add to remove; handles to it must be closed before. */
void registry_device_add(const void *physical_device);
void registry_device_remove(const void *physical_device);

/*
 * Puts a value below that key, with the keys of its path ("AeroVirtioNet\VlanIds"). Text: "dword:N", "multi:A;B;..." or a string.
 */
void registry_device_set(const void *physical_device, const char *path, const char *text);

/* ZwClose of a key: true when `handle` was one. */
bool registry_close(uintptr_t handle);

#endif

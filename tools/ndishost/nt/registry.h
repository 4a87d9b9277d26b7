/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry.h - what the registry holds for drivers: the keys of devices, the keys of services, in memory. */
#ifndef NDISHOST_NT_REGISTRY_H
#define NDISHOST_NT_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A device has two keys from add to remove: its hardware key ("...\Enum\<instance>\Device Parameters") and its driver key
 * ("...\Control\Class\<class>\NNNN", where NDIS keeps keywords). Handles to them must be closed before.
 */
void registry_device_add(const void *physical_device);
void registry_device_remove(const void *physical_device);

/*
 * Puts a value below the hardware key, with the keys of its path ("AeroVirtioNet\VlanIds"). Text: "dword:N", "multi:A;B;..." or a string.
 */
void registry_device_set(const void *physical_device, const char *path, const char *text);
/* The same below the driver key. */
void registry_driver_set(const void *physical_device, const char *path, const char *text);
/* "\Registry\Machine\System\CurrentControlSet\Services\<service>", as an installer leaves it. It stays until the process ends. */
void registry_service_add(const char *service);

/* ZwClose of a key: true when `handle` was one. */
bool registry_close(uintptr_t handle);

#endif

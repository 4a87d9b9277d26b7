/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* callback_object.h - references on callback objects, for ObfDereferenceObject. */
#ifndef NDISHOST_NT_CALLBACK_OBJECT_H
#define NDISHOST_NT_CALLBACK_OBJECT_H

#include <stdbool.h>

/* Dispatcher's lock held: false when no callback object is there; else changes its references, if *fits. */
bool callback_object_reference(const void *address, int change, bool *fits);

#endif

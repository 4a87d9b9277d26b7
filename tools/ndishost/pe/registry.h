/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry.h - the images in memory, for whoever has an address and wants to know what is there. */
#ifndef NDISHOST_PE_REGISTRY_H
#define NDISHOST_PE_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "pe/facts.h"

/* False when too many images are loaded. */
bool registry_add(uintptr_t base, const struct image_facts *facts);
void registry_remove(uintptr_t base);

#endif

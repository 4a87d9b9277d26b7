/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_features.h - names of feature bits, what each needs, and which of them the model device can serve when they are accepted. */
#ifndef NDISHOST_PCI_MODEL_MODEL_FEATURES_H
#define NDISHOST_PCI_MODEL_MODEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets that the options name. */
uint64_t model_features_default(void);  /* what a good virtio 1.x device offers */
uint64_t model_features_contract(void); /* what contract v1 offers */
uint64_t model_features_all(void);      /* every bit that the model serves */

/* Bits that the specification (1.3) defines for a network device over PCI; others are not to be accepted. */
uint64_t model_features_defined(void);

/* "mrg_rxbuf", or NULL for a bit without a name. */
const char *model_feature_name(unsigned bit);
/* Bit of a name, also "bitN"; -1. */
int model_feature_find(const char *name, size_t length);
/* "mac+status+bit49" of a set; returns buffer. */
const char *model_features_text(uint64_t features, char *buffer, size_t size);

/* One line of the list of dependencies (N1): `feature` needs one of `needs`. */
struct model_dependency {
    uint8_t feature;
    uint64_t needs;
};
/* The first dependency that the set does not satisfy, starting from *cursor (0 at first); NULL at the end. */
const struct model_dependency *model_features_unmet(uint64_t features, unsigned *cursor);
/* The set without those bits whose requirements are missing: what a device may offer. */
uint64_t model_features_close(uint64_t features);

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_choice.h - what --device names, for every command that takes it: one grammar, its refusals, and what follows from the choice. */
#ifndef NDISHOST_PCI_DEVICE_CHOICE_H
#define NDISHOST_PCI_DEVICE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci/model/model_device.h"

enum device_choice_kind { CHOICE_MODEL, CHOICE_QEMU, CHOICE_PLUGIN, CHOICE_NONE };

struct device_choice {
    enum device_choice_kind kind;
    uint8_t mac[6];       /* of the first device; the others count up */
    char model_text[512]; /* what followed "model" */
    struct model_options model;
    bool transitional;          /* qemu: the legacy interface is there too */
    char properties[512];       /* qemu: further device properties, "" for none */
    char plugin[512];           /* plugin: the shared object */
    const char *plugin_options; /* plugin: what follows it, "" for nothing; points into the text that was parsed */
    bool trust_sums;            /* sums that the driver did not ask for are not verified: a scenario sends broken frames */
};
/*
 * "model[:...]" (model_options_parse()), "qemu[:transitional][,PROPERTY=VALUE...]" (mac=... is ours, the rest QEMU's to judge),
 * "plugin:FILE.so[,OPTIONS]", "none": an adapter without hardware. False: one line in `error`.
 */
bool device_choice_parse(const char *text, struct device_choice *choice, char *error, size_t error_size);
/* Lets the seed decide what the choice leaves open: a model device without a seed of its own. */
void device_choice_seed(struct device_choice *choice, uint64_t seed);
/* All that the device does follows from its seed: it can be run by the seeded policy. Others have threads or processes of their own. */
bool device_choice_is_replayable(const struct device_choice *choice);
/* The device misbehaves in a way that a driver cannot make good: frames may get lost, damaged, doubled, and it may fail. */
bool device_choice_misbehaves(const struct device_choice *choice);
/* The address of device number `index`. */
void device_choice_mac(const struct device_choice *choice, unsigned index, uint8_t mac[6]);

struct ndishost_pci_host;
struct ndishost_pci_device;
struct pci_function;
/* CHOICE_MODEL: builds device number `index`. False: one line in `error`. */
bool device_choice_create_model(const struct device_choice *choice, unsigned index, const struct ndishost_pci_host *host,
                                struct ndishost_pci_device *device, char *error, size_t error_size);
/* Tells the device's function what the choice lets it expect: failures, lies, broken sums. */
void device_choice_tell(const struct device_choice *choice, struct pci_function *function);

#endif

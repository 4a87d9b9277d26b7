/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * device.h - the devices that scenarios run on, and what is at the far end of their cable: frames that an adapter sent arrive there, and
 * frames are sent in from there. No network is needed.
 */
#ifndef NDISHOST_SCENARIO_DEVICE_H
#define NDISHOST_SCENARIO_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci/function.h"
#include "pci/minimal/minimal_device.h"
#include "pci/model/model_device.h"

enum device_choice_kind { CHOICE_MODEL, CHOICE_MINIMAL, CHOICE_QEMU, CHOICE_PLUGIN, CHOICE_NONE };

/* What --device of `ndishost check` named. */
struct device_choice {
    enum device_choice_kind kind;
    char model_text[512]; /* what followed "model" */
    struct model_options model;
    struct minimal_device_options minimal;
    bool transitional;    /* qemu */
    bool trust_sums;      /* sums that the driver did not ask for are not verified: a scenario sends broken frames */
    char properties[512]; /* qemu's own, or a plugin's options */
    char plugin[512];     /* plugin: the shared object */
};
/*
 * "model[:...]" (model_options_parse()), "minimal[:contract][,vectors=N][,queue_size=N][,features=MASK]",
 * "qemu[:transitional][,PROPERTY=VALUE...]", "plugin:FILE.so[,OPTIONS]", "none": an adapter without hardware. False: one line in `error`.
 */
bool device_choice_parse(const char *text, struct device_choice *choice, char *error, size_t error_size);
/* Lets the seed decide what the choice leaves open: a model device without a seed of its own. */
void device_choice_seed(struct device_choice *choice, uint64_t seed);
/* All that the device does follows from its seed: it can be run by the seeded policy. Others have threads or processes of their own. */
bool device_choice_is_replayable(const struct device_choice *choice);
/* The device misbehaves in a way that a driver cannot make good: frames may get lost, damaged, doubled, and it may fail. */
bool device_choice_misbehaves(const struct device_choice *choice);

struct plugged_device;
/* A frame from the adapter, whole; any thread, short, never blocks, never calls the image. */
typedef void frame_arrived(void *context, const uint8_t *frame, size_t length);

/* Creates device and PCI function number `index` of this process (its MAC address is 52:54:00:ae:10:<index>). NULL and one line in `error`.
 */
struct plugged_device *device_plug(const struct device_choice *choice, unsigned index, frame_arrived *arrived, void *context, char *error,
                                   size_t error_size);
/* No adapter may be on it any more. */
void device_unplug(struct plugged_device *device);
struct pci_function *device_function(const struct plugged_device *device); /* NULL: without hardware */
/* There is no hardware, and no cable that could be looked at: what is sent goes where the driver takes it. */
bool device_is_virtual(const struct plugged_device *device);
/* NULL: not a model device. */
struct model *device_model(const struct plugged_device *device);
/* A model device whose driver accepted `feature`, and which has a control queue that commands fit into. */
bool device_takes_commands(const struct plugged_device *device, unsigned feature);
/* The device sends each frame back, addresses exchanged, instead of letting it out; then nothing can be sent in. */
bool device_echoes(const struct plugged_device *device);
/* What is on its way arrives, and the driver's DPCs about it run. */
void device_come_to_rest(struct plugged_device *device);
/* A misbehaviour that has struck and that a driver has to tell of; NULL: there is none. */
const char *device_fault_to_tell(const struct plugged_device *device);
/* The device misbehaved and will not do so again. */
bool device_faults_are_over(const struct plugged_device *device);
/*
 * Judges what can be judged only at rest (model_check_quiescent()): the adapter is paused, nothing of the driver runs. Nothing for devices
 * that cannot.
 */
void device_check_at_rest(struct plugged_device *device);
/* Sends a frame to the adapter; false when there is no room for it now. On a context. */
bool device_send_in(struct plugged_device *device, const uint8_t *frame, size_t length);

#endif

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

#include "pci/device_choice.h"
#include "pci/function.h"

struct plugged_device;
/* A frame from the adapter, whole; any thread, short, never blocks, never calls the image. */
typedef void frame_arrived(void *context, const uint8_t *frame, size_t length);

/* Creates device and PCI function number `index` of this process, with the address of device_choice_mac(). NULL and one line in `error`. */
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

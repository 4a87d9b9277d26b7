/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device.h - control devices made with NdisRegisterDeviceEx. */
#ifndef NDISHOST_NDIS_DEVICE_H
#define NDISHOST_NDIS_DEVICE_H

struct control_device;

void device_discard(struct control_device *device);

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * personality.h - what one driver package is, as one constant object: everything in which packages built from these sources differ.
 */
#ifndef AEROVNET_PERSONALITY_H
#define AEROVNET_PERSONALITY_H

#include <ndis.h>

#include "virtio_net_features.h"

typedef struct _AEROVNET_PERSONALITY {
    const CHAR *Name;        /* of the service; prefix of debugger output */
    const CHAR *Description; /* OID_GEN_VENDOR_DESCRIPTION, NUL-terminated */
    USHORT PciDevice;        /* the one device id of vendor 1AF4 that the package binds */
    BOOLEAN Messages;        /* takes message-signaled interrupts when they are granted */
    BOOLEAN ContractDevices; /* looks for contract AERO-W7-VIRTIO v1; else every device is taken as virtio 1.x says */
    struct virtio_net_feature_policy Features;
    PCWSTR DiagnosticsDevice; /* the diagnostics device's name; NULL: the package has none */
    PCWSTR DiagnosticsLink;   /* ... and its symbolic link */
} AEROVNET_PERSONALITY;

/* Of the package that is linked. */
extern const AEROVNET_PERSONALITY AerovnetPersonality;

#endif

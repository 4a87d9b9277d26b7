/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pnp_irp.h - the two PnP requests that NDIS lets a miniport see: filter resource requirements, and start. */
#ifndef NDISHOST_NDIS_PNP_IRP_H
#define NDISHOST_NDIS_PNP_IRP_H

#include <stdint.h>

struct adapter;

/*
 * IRP_MN_FILTER_RESOURCE_REQUIREMENTS to MiniportFilterResourceRequirements, if the driver has one, after MiniportAddDevice. What it leaves
 * of the messages, and the processors that it wants them on, is what resources_assign() gives: without a message the line. An NDIS_STATUS;
 * a list that is not one is reported (DRV-21) and has no effect. IRQL: PASSIVE_LEVEL.
 */
uint32_t pnp_filter_resource_requirements(struct adapter *adapter);

/* IRP_MN_START_DEVICE to MiniportStartDevice, if the driver has one, before MiniportInitializeEx. An NDIS_STATUS. IRQL: PASSIVE_LEVEL. */
uint32_t pnp_start_device(struct adapter *adapter);

#endif

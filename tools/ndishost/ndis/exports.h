/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* exports.h - the export tables of the NDIS layer, one per chapter, and the list that exports.c registers. */
#ifndef NDISHOST_NDIS_EXPORTS_H
#define NDISHOST_NDIS_EXPORTS_H

#include "exec/call.h"

extern const struct export_row ndis_driver_exports[];
extern const struct export_row ndis_attribute_exports[];
extern const struct export_row ndis_adapter_exports[];
extern const struct export_row ndis_configuration_exports[];
extern const struct export_row ndis_bus_exports[];
extern const struct export_row ndis_interrupt_exports[];
extern const struct export_row ndis_nbl_pool_exports[];
extern const struct export_row ndis_nbl_exports[];
extern const struct export_row ndis_nbl_context_exports[];
extern const struct export_row ndis_net_buffer_exports[];
extern const struct export_row ndis_dma_exports[];
extern const struct export_row ndis_shared_memory_exports[];
extern const struct export_row ndis_timer_exports[];
extern const struct export_row ndis_work_item_exports[];
extern const struct export_row ndis_wait_exports[];
extern const struct export_row ndis_rw_lock_exports[];
extern const struct export_row ndis_memory_exports[];
extern const struct export_row ndis_system_exports[];
extern const struct export_row ndis_event_log_exports[];
extern const struct export_row ndis_device_exports[];
extern const struct export_row ndis_oid_exports[];
extern const struct export_row ndis_oid_direct_exports[];
extern const struct export_row ndis_status_exports[];
extern const struct export_row ndis_send_exports[];
extern const struct export_row ndis_receive_exports[];
extern const struct export_row ndis_nbl_derived_exports[];
extern const struct export_row ndis_rw_lock_legacy_exports[];
extern const struct export_row ndis_processor_information_exports[];
extern const struct export_row ndis_generic_object_exports[];
extern const struct export_row ndis_shared_memory_provider_exports[];
extern const struct export_row ndis_timer_in_image_exports[];
extern const struct export_row ndis_file_exports[];
extern const struct export_row ndis_log_exports[];
extern const struct export_row ndis_port_exports[];
extern const struct export_row ndis_interface_exports[];

#endif

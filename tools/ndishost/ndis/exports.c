/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* exports.c - registers every export table of the NDIS layer. */
#include "ndis/exports.h"

#include <stddef.h>

#include "ndis/adapter.h"

void ndis_exports_register(void)
{
    static const struct export_row *const tables[] = {
        ndis_driver_exports,
        ndis_attribute_exports,
        ndis_adapter_exports,
        ndis_configuration_exports,
        ndis_bus_exports,
        ndis_interrupt_exports,
        ndis_nbl_pool_exports,
        ndis_nbl_exports,
        ndis_nbl_context_exports,
        ndis_net_buffer_exports,
        ndis_dma_exports,
        ndis_timer_exports,
        ndis_shared_memory_exports,
        ndis_work_item_exports,
        ndis_wait_exports,
        ndis_rw_lock_exports,
        ndis_memory_exports,
        ndis_system_exports,
        ndis_event_log_exports,
        ndis_device_exports,
        ndis_oid_exports,
        ndis_oid_direct_exports,
        ndis_status_exports,
        ndis_send_exports,
        ndis_receive_exports,
        ndis_nbl_derived_exports,
        ndis_rw_lock_legacy_exports,
        ndis_processor_information_exports,
        ndis_generic_object_exports,
        ndis_shared_memory_provider_exports,
        ndis_timer_in_image_exports,
        ndis_file_exports,
        ndis_log_exports,
        ndis_port_exports,
        ndis_interface_exports,
    };

    for (size_t index = 0; index < sizeof(tables) / sizeof(tables[0]); index++)
        export_table_register(tables[index]);
}

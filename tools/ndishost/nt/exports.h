/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* exports.h - the export tables of this folder, one per file. */
#ifndef NDISHOST_NT_EXPORTS_H
#define NDISHOST_NT_EXPORTS_H

#include "exec/call.h"

extern const struct export_row nt_pool_exports[], nt_spinlock_exports[], nt_event_exports[], nt_dpc_exports[], nt_timer_exports[],
    nt_time_exports[], nt_processor_exports[], nt_mdl_exports[], nt_string_memory_exports[], nt_string_counted_exports[],
    nt_format_exports[], nt_bugcheck_exports[], nt_register_exports[], nt_interlocked_exports[], nt_thread_exports[],
    nt_executive_exports[], nt_arithmetic_exports[], nt_bitmap_exports[], nt_guarded_mutex_exports[], nt_rundown_exports[],
    nt_lookaside_exports[], nt_bugcheck_callback_exports[], nt_event_tracing_exports[], nt_system_fact_exports[], nt_conversion_exports[],
    nt_io_device_exports[], nt_io_request_exports[], nt_work_item_exports[], nt_resource_lock_exports[], nt_registry_exports[],
    nt_contiguous_memory_exports[], nt_kernel_stack_exports[], nt_run_once_exports[], nt_callback_object_exports[],
    nt_device_queue_exports[], nt_c_runtime_exports[], nt_c_runtime_wide_exports[], nt_thread_affinity_exports[],
    nt_registry_table_exports[], nt_generic_table_exports[], nt_device_property_exports[], nt_device_interface_exports[],
    nt_io_registration_exports[], nt_version_exports[], nt_io_irp_exports[], nt_io_csq_exports[], nt_file_exports[],
    nt_power_setting_exports[];

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* time.h - data exports that change with time. */
#ifndef NDISHOST_NT_TIME_H
#define NDISHOST_NT_TIME_H

/* Registers KeTickCount (x86) and KeNumberProcessors; after trap_install(). */
void time_register_data_exports(void);

#endif

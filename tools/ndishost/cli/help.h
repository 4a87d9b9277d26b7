/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* help.h - what --help prints. */
#ifndef NDISHOST_CLI_HELP_H
#define NDISHOST_CLI_HELP_H

extern const char help_program[], help_info[], help_run[], help_check[], help_control[];

#endif

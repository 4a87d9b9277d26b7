/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* feature_names.h - virtio 1.x feature bits of a network device, by name. */
#ifndef NDISHOST_CLI_FEATURE_NAMES_H
#define NDISHOST_CLI_FEATURE_NAMES_H

#include <stddef.h>

/* "MRG_RXBUF"; a bit without a name is written into `buffer` as "bit 61". */
const char *feature_name(unsigned bit, char *buffer, size_t size);

#endif

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* checksum.h - the checksum of a PE file. */
#ifndef NDISHOST_PE_CHECKSUM_H
#define NDISHOST_PE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* `field` is the offset of the stored checksum, which counts as zero. */
uint32_t pe_checksum(const uint8_t *bytes, size_t size, size_t field);

#endif

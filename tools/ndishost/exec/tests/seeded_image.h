/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* seeded_image.h - what image code of the tests under the seeded policy needs: an export to call, memory whose stores can be late. */
#ifndef NDISHOST_EXEC_TESTS_SEEDED_IMAGE_H
#define NDISHOST_EXEC_TESTS_SEEDED_IMAGE_H

#include "doubles.h"

#include <stdint.h>

/* An export that does nothing at any IRQL: a place where processors may be switched. */
extern IMAGE_FUNCTION void (*any_irql)(void);

/* Installs traps and the export; returns two pages whose stores a store buffer delays. On x86 this may execute the program again. */
uint8_t *seeded_image_start(void);

#endif

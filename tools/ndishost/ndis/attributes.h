/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* attributes.h - what an adapter declares about itself with NdisMSetMiniportAttributes. */
#ifndef NDISHOST_NDIS_ATTRIBUTES_H
#define NDISHOST_NDIS_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

struct adapter;

/* Registration attributes must precede whatever claims a resource (INI-04); reports and returns false otherwise. */
bool attributes_registered(const struct adapter *adapter, const char *what);
bool attributes_list_oid(const struct adapter *adapter, uint32_t oid);
/* Forgets everything, before initialisation and after halt. */
void attributes_clear(struct adapter *adapter);
/* Checks that need the whole picture, after MiniportInitializeEx succeeded. */
void attributes_check_complete(struct adapter *adapter);

#endif

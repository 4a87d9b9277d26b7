/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wake.h - whether a device can do what a driver says of waking the machine (rule PWR-09). */
#ifndef NDISHOST_NDIS_WAKE_H
#define NDISHOST_NDIS_WAKE_H

#include <stdbool.h>
#include <stdint.h>

struct adapter;

/* By the PMC register of its power management capability (PCI-PM 3.2.3): raises PME# in `state` (NDIS_DEVICE_POWER_STATE). */
bool wake_possible(uint16_t pmc, uint32_t state);
/* Judges adapter->attributes.pm, which was copied and whose header is right. */
void wake_check_claims(struct adapter *adapter);

#endif

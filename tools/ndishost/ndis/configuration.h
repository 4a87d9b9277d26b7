/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* configuration.h - the registry keywords of one adapter. */
#ifndef NDISHOST_NDIS_CONFIGURATION_H
#define NDISHOST_NDIS_CONFIGURATION_H

#include <stdbool.h>

struct adapter;
struct keyword;
struct keyword_store;

struct keyword_store *keyword_store_create(const struct keyword *keywords, unsigned count);
void keyword_store_destroy(struct keyword_store *store);
/* The text of a keyword of the adapter, or NULL. */
const char *configuration_text(const struct adapter *adapter, const char *keyword);
/* The driver asked for it in vain (acquire.h): it cannot tell a keyword that it was refused from one that is not there. */
bool configuration_withheld(const struct adapter *adapter, const char *keyword);
/* Closes a configuration handle that the image forgot. */
struct configuration;
void configuration_discard(struct configuration *configuration);

#endif

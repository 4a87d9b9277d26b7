/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* json_text.h - any text as a JSON string: paths, commands and what a driver wrote need not be UTF-8, JSON is. */
#ifndef NDISHOST_CLI_JSON_TEXT_H
#define NDISHOST_CLI_JSON_TEXT_H

#include <jansson.h>

/* A new reference; each byte that belongs to no UTF-8 character becomes U+FFFD, so that no text is left out for it. */
json_t *json_from_text(const char *text);

#endif

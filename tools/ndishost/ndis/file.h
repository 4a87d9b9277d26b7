/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* file.h - files that a driver opens by NdisOpenFile: firmware. */
#ifndef NDISHOST_NDIS_FILE_H
#define NDISHOST_NDIS_FILE_H

/* Where the files are ("--files DIR"); NULL: there are none. The text must stay. */
void ndis_files_directory(const char *directory);

#endif

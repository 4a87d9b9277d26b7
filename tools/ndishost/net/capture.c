/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * capture.c - writes frames as pcapng (draft-ietf-opsawg-pcapng): a section header, a description per interface, an enhanced packet
 * block per frame. Written here because libpcap writes only the old format, which knows neither interfaces nor directions.
 */
#include "net/network.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BLOCK_SECTION_HEADER = 0x0A0D0D0A,
    BLOCK_INTERFACE = 1,
    BLOCK_ENHANCED_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1A2B3C4D,
    LINKTYPE_ETHERNET = 1,
    OPTION_END = 0,
    OPTION_SECTION_APPLICATION = 4,
    OPTION_INTERFACE_NAME = 2,
    OPTION_INTERFACE_RESOLUTION = 9,
    OPTION_PACKET_FLAGS = 2,
    RESOLUTION_NANOSECONDS = 9, /* as a power of ten */
    FLAG_INBOUND = 1,
    FLAG_OUTBOUND = 2,
    FILE_BUFFER = 256 * 1024,
};

struct capture {
    FILE *file;
    pthread_mutex_t lock; /* guards everything below, and the order of blocks in the file */
    unsigned interfaces;
    bool failed;
};

/* ---- bytes; under the lock ---- */

static size_t padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static void put(struct capture *capture, const void *bytes, size_t length)
{
    if (fwrite(bytes, 1, length, capture->file) != length)
        capture->failed = true;
}

static void put_u16(struct capture *capture, unsigned value)
{
    put(capture, &(uint16_t){(uint16_t)value}, 2);
}

static void put_u32(struct capture *capture, uint32_t value)
{
    put(capture, &value, 4);
}

static void put_padding(struct capture *capture, size_t length)
{
    put(capture, (const uint8_t[4]){0}, padded(length) - length);
}

static size_t option_size(size_t length)
{
    return 4 + padded(length);
}

static void put_option(struct capture *capture, unsigned code, const void *value, size_t length)
{
    put_u16(capture, code);
    put_u16(capture, (unsigned)length);
    put(capture, value, length);
    put_padding(capture, length);
}

/* ---- blocks ---- */

static void put_section_header(struct capture *capture)
{
    static const char application[] = "ndishost";
    uint32_t total = (uint32_t)(28 + option_size(strlen(application)) + option_size(0));
    put_u32(capture, BLOCK_SECTION_HEADER);
    put_u32(capture, total);
    put_u32(capture, BYTE_ORDER_MAGIC);
    put_u16(capture, 1); /* version 1.0 */
    put_u16(capture, 0);
    put(capture, &(int64_t){-1}, 8); /* length of the section: not known */
    put_option(capture, OPTION_SECTION_APPLICATION, application, strlen(application));
    put_option(capture, OPTION_END, NULL, 0);
    put_u32(capture, total);
}

struct capture *capture_open(const char *path, char *error, size_t error_size)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    FILE *file = capture ? fopen(path, "wbe") : NULL;
    if (!file) {
        snprintf(error, error_size, "capture file %s: %s", path, strerror(errno));
        free(capture);
        return NULL;
    }
    setvbuf(file, NULL, _IOFBF, FILE_BUFFER);
    capture->file = file;
    pthread_mutex_init(&capture->lock, NULL);
    put_section_header(capture);
    return capture;
}

unsigned capture_add_interface(struct capture *capture, const char *name)
{
    const uint8_t resolution = RESOLUTION_NANOSECONDS;
    uint32_t total = (uint32_t)(20 + option_size(strlen(name)) + option_size(sizeof(resolution)) + option_size(0));
    pthread_mutex_lock(&capture->lock);
    put_u32(capture, BLOCK_INTERFACE);
    put_u32(capture, total);
    put_u16(capture, LINKTYPE_ETHERNET);
    put_u16(capture, 0);
    put_u32(capture, 0); /* frames are never cut */
    put_option(capture, OPTION_INTERFACE_NAME, name, strlen(name));
    put_option(capture, OPTION_INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
    put_option(capture, OPTION_END, NULL, 0);
    put_u32(capture, total);
    unsigned interface = capture->interfaces++;
    pthread_mutex_unlock(&capture->lock);
    return interface;
}

void capture_frame(struct capture *capture, unsigned interface, bool outbound, const struct iovec *parts, unsigned part_count)
{
    size_t length = 0;
    for (unsigned i = 0; i < part_count; ++i)
        length += parts[i].iov_len;
    uint32_t flags = outbound ? FLAG_OUTBOUND : FLAG_INBOUND;
    uint32_t total = (uint32_t)(32 + padded(length) + option_size(sizeof(flags)) + option_size(0));

    pthread_mutex_lock(&capture->lock);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now); /* under the lock: times in the file never go back */
    uint64_t stamp = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    put_u32(capture, BLOCK_ENHANCED_PACKET);
    put_u32(capture, total);
    put_u32(capture, interface);
    put_u32(capture, (uint32_t)(stamp >> 32));
    put_u32(capture, (uint32_t)stamp);
    put_u32(capture, (uint32_t)length);
    put_u32(capture, (uint32_t)length);
    for (unsigned i = 0; i < part_count; ++i)
        put(capture, parts[i].iov_base, parts[i].iov_len);
    put_padding(capture, length);
    put_option(capture, OPTION_PACKET_FLAGS, &flags, sizeof(flags));
    put_option(capture, OPTION_END, NULL, 0);
    put_u32(capture, total);
    pthread_mutex_unlock(&capture->lock);
}

bool capture_close(struct capture *capture)
{
    bool written = fclose(capture->file) == 0 && !capture->failed;
    pthread_mutex_destroy(&capture->lock);
    free(capture);
    return written;
}

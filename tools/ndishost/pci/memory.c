/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* memory.c - guest RAM: one sparse shared mapping, pages given out first-fit above 1 MiB, freed pages filled with 0xDD. */
#include "function.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rules/rules.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_NOACCESS(address, size) ((void)0)
#define VALGRIND_MAKE_MEM_DEFINED(address, size)  ((void)0)
#endif

enum { PAGE = 4096, FIRST_PAGE = (1 << 20) / PAGE, FREED_FILL = 0xdd };

/* What a page is. The first page of a block is marked, so that a free with a wrong address or size is noticed. */
enum page_use { PAGE_FREE, PAGE_FREED /* and filled: must stay so */, PAGE_BLOCK_START, PAGE_BLOCK_REST };

static struct guest_memory memory;
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER; /* guards the rest */
static uint8_t *page_uses;
static size_t page_count, pages_in_use;
static size_t first_free_hint; /* no page below it is free */

const struct guest_memory *guest_memory_create(uint64_t size)
{
    if (memory.base || size <= (uint64_t)FIRST_PAGE * PAGE || size % PAGE || size > SIZE_MAX) {
        errno = memory.base ? EEXIST : EINVAL;
        return NULL;
    }
    int fd = memfd_create("ndishost-ram", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    void *base = MAP_FAILED;
    uint8_t *uses = NULL;
    if (!ftruncate(fd, (off_t)size))
        base = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base != MAP_FAILED)
        uses = calloc((size_t)size / PAGE, 1);
    if (!uses) {
        int cause = errno;
        if (base != MAP_FAILED)
            munmap(base, (size_t)size);
        close(fd);
        errno = cause;
        return NULL;
    }
    VALGRIND_MAKE_MEM_NOACCESS(base, (size_t)size);
    page_uses = uses;
    page_count = (size_t)size / PAGE;
    pages_in_use = 0;
    first_free_hint = FIRST_PAGE;
    memory = (struct guest_memory){.base = base, .size = size, .fd = fd};
    return &memory;
}

static bool page_is_free(size_t page)
{
    return page_uses[page] == PAGE_FREE || page_uses[page] == PAGE_FREED;
}

/* A freed page that no longer holds its filling was written by a device, or by code of the image, that had no right to. */
static bool freed_page_check(size_t page)
{
    const uint8_t *bytes = memory.base + page * PAGE;
    bool intact = true;
    if (page_uses[page] != PAGE_FREED)
        return true;
    VALGRIND_MAKE_MEM_DEFINED(bytes, PAGE);
    if (bytes[0] != FREED_FILL || memcmp(bytes, bytes + 1, PAGE - 1)) {
        size_t at = 0;
        while (bytes[at] == FREED_FILL)
            at++;
        intact = false;
        rule_violated("HOST-DMA-FREED", NULL, "guest memory at 0x%zx was written after it was freed", page * PAGE + at);
        memset(memory.base + page * PAGE, FREED_FILL, PAGE);
    }
    VALGRIND_MAKE_MEM_NOACCESS(bytes, PAGE);
    return intact;
}

unsigned guest_memory_audit(void)
{
    unsigned written = 0;
    pthread_mutex_lock(&memory_lock);
    for (size_t page = FIRST_PAGE; page < page_count; page++)
        written += !freed_page_check(page);
    pthread_mutex_unlock(&memory_lock);
    return written;
}

/* First page of `count` free ones in a row at a multiple of `step`, or 0. */
static size_t pages_find(size_t count, size_t step)
{
    size_t candidate = (first_free_hint + step - 1) / step * step;
    while (candidate <= page_count - count) {
        size_t length = 0;
        while (length < count && page_is_free(candidate + length))
            length++;
        if (length == count)
            return candidate;
        candidate = (candidate + length + step) / step * step;
    }
    return 0;
}

void *guest_memory_allocate(size_t size, size_t alignment, uint64_t *physical)
{
    if (!memory.base || size == 0 || size > memory.size || (alignment & (alignment - 1)) || alignment > memory.size)
        return NULL;
    size_t count = (size + PAGE - 1) / PAGE, step = alignment > PAGE ? alignment / PAGE : 1;
    pthread_mutex_lock(&memory_lock);
    size_t page = pages_find(count, step);
    if (page) {
        for (size_t i = 0; i < count; i++)
            (void)freed_page_check(page + i);
        page_uses[page] = PAGE_BLOCK_START;
        memset(page_uses + page + 1, PAGE_BLOCK_REST, count - 1);
        pages_in_use += count;
        while (first_free_hint < page_count && !page_is_free(first_free_hint))
            first_free_hint++;
    }
    pthread_mutex_unlock(&memory_lock);
    if (!page)
        return NULL;
    *physical = (uint64_t)page * PAGE;
    VALGRIND_MAKE_MEM_DEFINED(memory.base + page * PAGE, count * PAGE);
    return memory.base + page * PAGE;
}

void guest_memory_free(void *address, size_t size)
{
    uint64_t physical = guest_memory_physical(address);
    size_t count = (size + PAGE - 1) / PAGE, page = (size_t)(physical / PAGE), length = 0;
    bool whole = physical != UINT64_MAX && physical % PAGE == 0 && count && page + count <= page_count;

    pthread_mutex_lock(&memory_lock);
    whole = whole && page_uses[page] == PAGE_BLOCK_START;
    for (length = 1; whole && page + length < page_count && page_uses[page + length] == PAGE_BLOCK_REST;)
        length++;
    if (!whole || length != count) {
        fprintf(stderr, "guest_memory_free: %p is not a block of %zu bytes\n", address, size);
        abort();
    }
    /* Filled before the pages can be found again. */
    memset(address, FREED_FILL, count * PAGE);
    VALGRIND_MAKE_MEM_NOACCESS(address, count * PAGE);
    memset(page_uses + page, PAGE_FREED, count);
    pages_in_use -= count;
    if (page < first_free_hint)
        first_free_hint = page;
    pthread_mutex_unlock(&memory_lock);
}

uint64_t guest_memory_physical(const void *address)
{
    uintptr_t at = (uintptr_t)address, base = (uintptr_t)memory.base;
    return memory.base && at >= base && at - base < memory.size ? at - base : UINT64_MAX;
}

size_t guest_memory_in_use(void)
{
    pthread_mutex_lock(&memory_lock);
    size_t bytes = pages_in_use * PAGE;
    pthread_mutex_unlock(&memory_lock);
    return bytes;
}

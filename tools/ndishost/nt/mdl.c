/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * mdl.c - MDLs: header and page numbers in pool, as on Windows. Memory is identity-mapped: a system address is the address itself.
 */
#define _GNU_SOURCE /* process_vm_readv */
#include "nt/mdl.h"
#include "nt/nt.h"
#include "nt/pool.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE_SIZE = 4096, MDL_TAG = 0x206C644D /* "Mdl " */ };

/* Beyond what any device's address bits reach, and yet a page number that fits in an MDL. */
#if UINTPTR_MAX == UINT64_MAX
#define UNREACHABLE 0x000F000000000000ull
#else
#define UNREACHABLE 0x00000F0000000000ull
#endif

static uint64_t (*guest_physical)(const void *address);

void nt_set_physical(uint64_t (*physical)(const void *address))
{
    guest_physical = physical;
}

uint64_t mdl_physical(const void *address)
{
    uint64_t physical = guest_physical ? guest_physical(address) : UINT64_MAX;
    return physical != UINT64_MAX ? physical : UNREACHABLE + ((uintptr_t)address & 0x0000FFFFFFFFFFFFull);
}

/* ---- building ---- */

static uintptr_t *page_numbers(nt_MDL *mdl)
{
    return (uintptr_t *)(mdl + 1);
}

static size_t page_count(uintptr_t address, size_t length)
{
    return (address % PAGE_SIZE + length + PAGE_SIZE - 1) / PAGE_SIZE;
}

static uint8_t *start_address(const nt_MDL *mdl)
{
    return (uint8_t *)(mdl->StartVa + mdl->ByteOffset);
}

static void fill_page_numbers(nt_MDL *mdl)
{
    size_t count = page_count(mdl->ByteOffset, mdl->ByteCount);
    for (size_t i = 0; i < count; i++)
        page_numbers(mdl)[i] = (uintptr_t)(mdl_physical((void *)(mdl->StartVa + i * PAGE_SIZE)) / PAGE_SIZE);
}

/* pool_flags: POOL_UNTRACKED for those that IoFreeMdl frees. */
static nt_MDL *header_allocate_block(void *address, size_t length, const void *owner, uintptr_t who, unsigned pool_flags)
{
    size_t size = sizeof(nt_MDL) + page_count((uintptr_t)address, length) * sizeof(uintptr_t);
    if (length > UINT32_MAX || size > UINT16_MAX) /* Size is 16 bits wide */
        return NULL;
    nt_MDL *mdl = pool_allocate_block(size, MDL_TAG, owner, who, POOL_ZEROED | pool_flags);
    if (!mdl)
        return NULL;
    mdl->Size = (uint16_t)size;
    mdl->StartVa = (uintptr_t)address & ~(uintptr_t)(PAGE_SIZE - 1);
    mdl->ByteOffset = (uint32_t)((uintptr_t)address % PAGE_SIZE);
    mdl->ByteCount = (uint32_t)length;
    track_acquire(TRACK_MDL, mdl, length, owner, who);
    return mdl;
}

static nt_MDL *header_allocate(void *address, size_t length, const void *owner, uintptr_t who)
{
    return header_allocate_block(address, length, owner, who, POOL_UNTRACKED);
}

/* What lies in the pool's range must lie in one live block. */
static void check_described(const nt_MDL *mdl, uintptr_t who)
{
    const uint8_t *start = start_address(mdl);
    char here[128];
    if (mdl->ByteCount && pool_owns_address(start) && !pool_contains(start, mdl->ByteCount))
        rule_violated("HOST-MDL", mdl, "MDL %p describes %u bytes at %p, which are not inside a live pool block, for %s", (const void *)mdl,
                      (unsigned)mdl->ByteCount, (const void *)start, rules_describe_address(who, here, sizeof(here)));
}

static void build(nt_MDL *mdl, uintptr_t who)
{
    check_described(mdl, who);
    fill_page_numbers(mdl);
    mdl->MappedSystemVa = (uintptr_t)start_address(mdl);
    mdl->MdlFlags |= NT_MDL_SOURCE_IS_NONPAGED_POOL;
}

void *mdl_allocate(void *address, size_t length, const void *owner, uintptr_t who)
{
    nt_MDL *mdl = header_allocate(address, length, owner, who);
    if (mdl)
        build(mdl, who);
    return mdl;
}

void *mdl_for_pages(void *pages, size_t length, uintptr_t who)
{
    nt_MDL *mdl = header_allocate_block(pages, length, NULL, who, 0);
    if (mdl) {
        fill_page_numbers(mdl);
        mdl->MdlFlags |= NT_MDL_PAGES_LOCKED;
    }
    return mdl;
}

void mdl_pages_gone(void *mdl, uintptr_t who)
{
    nt_MDL *header = mdl;
    char here[128];
    if (track_release(TRACK_SYSTEM_MAPPING, mdl))
        rule_violated("HOST-MDL-MAPPING", mdl, "the pages of MDL %p are freed by %s while they are mapped", mdl,
                      rules_describe_address(who, here, sizeof(here)));
    track_release(TRACK_MDL, mdl);
    header->MdlFlags &= (uint16_t)~(NT_MDL_PAGES_LOCKED | NT_MDL_MAPPED_TO_SYSTEM_VA);
    memset(page_numbers(header), 0xFF, page_count(header->ByteOffset, header->ByteCount) * sizeof(uintptr_t));
}

void mdl_free(void *mdl, uintptr_t who)
{
    char here[128];
    if (!track_release(TRACK_MDL, mdl)) {
        rule_violated("HOST-MDL", mdl, "%p, freed by %s, is not a live MDL", mdl, rules_describe_address(who, here, sizeof(here)));
        return;
    }
    track_release(TRACK_SYSTEM_MAPPING, mdl); /* a mapping goes with its MDL */
    pool_free_untracked(mdl, who);
}

void *mdl_system_address(void *mdl)
{
    const nt_MDL *header = mdl;
    if (header->MdlFlags & (NT_MDL_MAPPED_TO_SYSTEM_VA | NT_MDL_SOURCE_IS_NONPAGED_POOL))
        return (void *)header->MappedSystemVa;
    return start_address(header);
}

uint32_t mdl_byte_count(const void *mdl)
{
    return ((const nt_MDL *)mdl)->ByteCount;
}

void *mdl_next(const void *mdl)
{
    return (void *)((const nt_MDL *)mdl)->Next;
}

/* ---- exports ---- */

static uint64_t export_IoAllocateMdl(struct export_call *call)
{
    void *address = arg_pointer(call);
    uint32_t length = arg_u32(call);
    arg_u8(call); /* secondary buffer and IRP: MDLs of IRPs are the I/O manager's */
    arg_u8(call);
    const void *irp = arg_pointer(call);
    char here[128];
    if (!acquire_permitted("IoAllocateMdl"))
        return 0;
    if (irp)
        rule_violated("HOST-ARGUMENT", irp, "IoAllocateMdl with an IRP, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
    return (uintptr_t)header_allocate(address, length, NULL, call->return_address);
}

static uint64_t export_IoFreeMdl(struct export_call *call)
{
    mdl_free(arg_pointer(call), call->return_address);
    return 0;
}

static bool is_mdl(const void *mdl, uintptr_t who)
{
    char here[128];
    if (track_find(TRACK_MDL, mdl, NULL, NULL))
        return true;
    rule_violated("HOST-MDL", mdl, "%p, used by %s, is not a live MDL", mdl, rules_describe_address(who, here, sizeof(here)));
    return false;
}

static uint64_t export_MmBuildMdlForNonPagedPool(struct export_call *call)
{
    nt_MDL *mdl = arg_pointer(call);
    if (is_mdl(mdl, call->return_address))
        build(mdl, call->return_address);
    return 0;
}

static uint64_t export_IoBuildPartialMdl(struct export_call *call)
{
    nt_MDL *source = arg_pointer(call), *target = arg_pointer(call);
    uintptr_t address = arg_word(call);
    uint32_t length = arg_u32(call);
    if (!is_mdl(source, call->return_address) || !is_mdl(target, call->return_address))
        return 0;
    uintptr_t start = (uintptr_t)start_address(source);
    uintptr_t offset = address - start;
    char here[128];
    if (offset <= source->ByteCount && length == 0)
        length = source->ByteCount - (uint32_t)offset;
    if (offset > source->ByteCount || length > source->ByteCount - offset ||
        sizeof(*target) + page_count(address, length) * sizeof(uintptr_t) > target->Size) {
        rule_violated("HOST-MDL", target, "IoBuildPartialMdl of %u bytes at offset %u of an MDL of %u bytes, by %s", (unsigned)length,
                      (unsigned)offset, (unsigned)source->ByteCount, rules_describe_address(call->return_address, here, sizeof(here)));
        return 0;
    }
    target->StartVa = address & ~(uintptr_t)(PAGE_SIZE - 1);
    target->ByteOffset = (uint32_t)(address % PAGE_SIZE);
    target->ByteCount = length;
    target->MappedSystemVa = address;
    target->MdlFlags |= NT_MDL_PARTIAL | (source->MdlFlags & (NT_MDL_SOURCE_IS_NONPAGED_POOL | NT_MDL_MAPPED_TO_SYSTEM_VA));
    fill_page_numbers(target);
    return 0;
}

static uint64_t export_MmProbeAndLockPages(struct export_call *call)
{
    nt_MDL *mdl = arg_pointer(call);
    if (is_mdl(mdl, call->return_address)) {
        check_described(mdl, call->return_address);
        fill_page_numbers(mdl);
        mdl->MdlFlags |= NT_MDL_PAGES_LOCKED;
    }
    return 0;
}

static uint64_t export_MmUnlockPages(struct export_call *call)
{
    nt_MDL *mdl = arg_pointer(call);
    if (!is_mdl(mdl, call->return_address))
        return 0;
    if (!(mdl->MdlFlags & NT_MDL_PAGES_LOCKED))
        rule_violated("HOST-MDL", mdl, "MmUnlockPages of MDL %p, whose pages are not locked", (void *)mdl);
    track_release(TRACK_SYSTEM_MAPPING, mdl);
    mdl->MdlFlags &= (uint16_t)~(NT_MDL_PAGES_LOCKED | NT_MDL_MAPPED_TO_SYSTEM_VA);
    return 0;
}

static uint64_t map(nt_MDL *mdl, uint8_t mode, uintptr_t who)
{
    char here[128];
    if (!is_mdl(mdl, who))
        return 0;
    rules_describe_address(who, here, sizeof(here));
    if (mode != 0)
        rule_violated("HOST-ARGUMENT", mdl, "an MDL is mapped for user mode by %s", here);
    if (!(mdl->MdlFlags & (NT_MDL_PAGES_LOCKED | NT_MDL_PARTIAL | NT_MDL_SOURCE_IS_NONPAGED_POOL)))
        rule_violated("HOST-MDL", mdl, "MDL %p is mapped before it is built or its pages are locked, by %s", (void *)mdl, here);
    if (track_find(TRACK_SYSTEM_MAPPING, mdl, NULL, NULL))
        rule_violated("HOST-MDL-MAPPING", mdl, "MDL %p is mapped twice, by %s", (void *)mdl, here);
    else
        track_acquire(TRACK_SYSTEM_MAPPING, mdl, mdl->ByteCount, NULL, who);
    mdl->MdlFlags |= NT_MDL_MAPPED_TO_SYSTEM_VA;
    mdl->MappedSystemVa = (uintptr_t)start_address(mdl);
    return mdl->MappedSystemVa;
}

static uint64_t export_MmMapLockedPagesSpecifyCache(struct export_call *call)
{
    nt_MDL *mdl = arg_pointer(call);
    uint8_t mode = arg_u8(call);
    arg_u32(call); /* cache type, requested address */
    arg_word(call);
    bool must_succeed = arg_u32(call) != 0; /* BugCheckOnFailure */
    if (!must_succeed && !acquire_permitted("MmMapLockedPagesSpecifyCache"))
        return 0;
    return map(mdl, mode, call->return_address);
}

static uint64_t export_MmUnmapLockedPages(struct export_call *call)
{
    uintptr_t address = arg_word(call);
    nt_MDL *mdl = arg_pointer(call);
    char here[128];
    if (!is_mdl(mdl, call->return_address))
        return 0;
    if (address != mdl->MappedSystemVa || !track_release(TRACK_SYSTEM_MAPPING, mdl))
        rule_violated("HOST-MDL-MAPPING", mdl, "MmUnmapLockedPages of %p, which is not a mapping of MDL %p, by %s", (void *)address,
                      (void *)mdl, rules_describe_address(call->return_address, here, sizeof(here)));
    mdl->MdlFlags &= (uint16_t)~NT_MDL_MAPPED_TO_SYSTEM_VA;
    return 0;
}

static uint64_t export_MmSizeOfMdl(struct export_call *call)
{
    uintptr_t address = arg_word(call);
    return sizeof(nt_MDL) + page_count(address, arg_word(call)) * sizeof(uintptr_t);
}

static uint64_t export_MmGetPhysicalAddress(struct export_call *call)
{
    return mdl_physical(arg_pointer(call));
}

static uint64_t export_MmIsAddressValid(struct export_call *call)
{
    uint8_t byte;
    struct iovec here = {&byte, 1}, there = {arg_pointer(call), 1};
    return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
}

const struct export_row nt_mdl_exports[] = {
    EXPORT(IoAllocateMdl),
    EXPORT(IoFreeMdl),
    EXPORT(IoBuildPartialMdl),
    EXPORT(MmBuildMdlForNonPagedPool),
    EXPORT(MmProbeAndLockPages),
    EXPORT(MmUnlockPages),
    {"MmMapLockedPages", export_MmMapLockedPagesSpecifyCache, 0},
    EXPORT(MmMapLockedPagesSpecifyCache),
    EXPORT(MmUnmapLockedPages),
    EXPORT(MmSizeOfMdl),
    EXPORT(MmGetPhysicalAddress),
    EXPORT(MmIsAddressValid),
    {"MmIsNonPagedSystemAddressValid", export_MmIsAddressValid, 0},
    EXPORT_END,
};

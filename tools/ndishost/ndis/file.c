/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * file.c - NdisOpenFile and its family. On Windows the files lie in system32\drivers, here in a folder that the user names. The contents
 * can be read while they are mapped; before and after, a look at them faults.
 */
#include "ndis/file.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { PAGE = 4096, FILE_BYTES_MAX = 64 << 20, PATH_BYTES = 1024 };

struct ndis_file {
    uint8_t *pages;
    size_t pages_size;
    void *handle;
    bool mapped; /* under files_mutex */
};

static pthread_mutex_t files_mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *files_directory;

void ndis_files_directory(const char *directory)
{
    files_directory = directory;
}

/* A name without a path, as the documentation has it: nothing leads out of the folder. */
static bool name_is_plain(const char *name)
{
    return *name && !strpbrk(name, "\\/:") && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Opens it under its name or that in lower case: Windows does not tell them apart. */
static FILE *open_named(const char *name)
{
    char path[PATH_BYTES];
    FILE *stream;
    size_t start;

    if (!files_directory || snprintf(path, sizeof(path), "%s/%s", files_directory, name) >= (int)sizeof(path))
        return NULL;
    stream = fopen(path, "rb");
    start = strlen(files_directory) + 1;
    for (size_t at = start; path[at]; at++)
        path[at] = (char)tolower((unsigned char)path[at]);
    return stream ? stream : fopen(path, "rb");
}

/* Its contents in pages of their own, before one that stays inaccessible; nobody can read them yet. */
static uint32_t contents_read(FILE *stream, struct ndis_file *file, uint8_t **contents, uint32_t *length)
{
    long size = fseek(stream, 0, SEEK_END) == 0 ? ftell(stream) : -1;

    if (size < 0 || size > FILE_BYTES_MAX || fseek(stream, 0, SEEK_SET) != 0)
        return NT_NDIS_STATUS_ERROR_READING_FILE;
    file->pages_size = ((size_t)size + PAGE - 1) / PAGE * PAGE + PAGE;
    file->pages = mmap(NULL, file->pages_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (file->pages == MAP_FAILED)
        return NT_NDIS_STATUS_RESOURCES;
    *contents = file->pages;
    *length = (uint32_t)size;
    if (fread(file->pages, 1, (size_t)size, stream) == (size_t)size && mprotect(file->pages, file->pages_size, PROT_NONE) == 0)
        return NT_NDIS_STATUS_SUCCESS;
    munmap(file->pages, file->pages_size);
    return NT_NDIS_STATUS_ERROR_READING_FILE;
}

static uint32_t open_file(const char *name, uintptr_t *handle, uint32_t *length, uintptr_t who)
{
    struct ndis_file *file;
    uint8_t *contents;
    uint32_t status;
    FILE *stream = open_named(name);

    if (!stream)
        return NT_NDIS_STATUS_FILE_NOT_FOUND;
    file = calloc(1, sizeof(*file));
    if (!file)
        abort();
    status = contents_read(stream, file, &contents, length);
    fclose(stream);
    if (status != NT_NDIS_STATUS_SUCCESS) {
        free(file);
        return status;
    }
    file->handle = handle_create(HANDLE_FILE, file, NULL, who);
    *handle = (uintptr_t)file->handle;
    return NT_NDIS_STATUS_SUCCESS;
}

static void file_destroy(struct ndis_file *file)
{
    handle_destroy(file->handle);
    munmap(file->pages, file->pages_size);
    free(file);
}

static struct ndis_file *file_from_handle(void *handle, const char *what)
{
    struct ndis_file *file = handle_object(HANDLE_FILE, handle);

    if (!file)
        rule_violated("HOST-HANDLE", NULL, "%s was given a %s instead of a file", what, handle_describe(handle));
    return file;
}

/* VOID NdisOpenFile(NDIS_STATUS *, NDIS_HANDLE *, UINT *FileLength, NDIS_STRING *FileName, NDIS_PHYSICAL_ADDRESS HighestAcceptable) */
static uint64_t export_NdisOpenFile(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    uint32_t *length = arg_pointer(call);
    char name[256];

    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    (void)arg_u64(call); /* documented as ignored */
    if (!acquire_permitted("NdisOpenFile"))
        *status = NT_NDIS_STATUS_RESOURCES;
    else if (!name_is_plain(name))
        *status = NT_NDIS_STATUS_FILE_NOT_FOUND;
    else
        *status = open_file(name, handle, length, call->return_address);
    return 0;
}

/* VOID NdisMapFile(NDIS_STATUS *, PVOID *MappedBuffer, NDIS_HANDLE) */
static uint64_t export_NdisMapFile(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    uintptr_t *buffer = arg_pointer(call);
    struct ndis_file *file = file_from_handle(arg_pointer(call), "NdisMapFile");
    bool mapped;

    *status = NT_NDIS_STATUS_FAILURE;
    if (!file)
        return 0;
    pthread_mutex_lock(&files_mutex);
    mapped = file->mapped;
    file->mapped = true;
    if (!mapped)
        mprotect(file->pages, file->pages_size - PAGE, PROT_READ | PROT_WRITE); /* the driver's own copy: it may write to it */
    pthread_mutex_unlock(&files_mutex);
    *status = mapped ? NT_NDIS_STATUS_ALREADY_MAPPED : NT_NDIS_STATUS_SUCCESS;
    if (!mapped)
        *buffer = (uintptr_t)file->pages;
    return 0;
}

static void unmap(struct ndis_file *file)
{
    pthread_mutex_lock(&files_mutex);
    file->mapped = false;
    mprotect(file->pages, file->pages_size, PROT_NONE);
    pthread_mutex_unlock(&files_mutex);
}

/* VOID NdisUnmapFile(NDIS_HANDLE) */
static uint64_t export_NdisUnmapFile(struct export_call *call)
{
    struct ndis_file *file = file_from_handle(arg_pointer(call), "NdisUnmapFile");

    if (file && !file->mapped)
        rule_violated("HOST-HANDLE", file->handle, "NdisUnmapFile of a file that is not mapped");
    if (file)
        unmap(file);
    return 0;
}

/* VOID NdisCloseFile(NDIS_HANDLE) */
static uint64_t export_NdisCloseFile(struct export_call *call)
{
    struct ndis_file *file = file_from_handle(arg_pointer(call), "NdisCloseFile");

    if (file)
        file_destroy(file);
    return 0;
}

const struct export_row ndis_file_exports[] = {
    EXPORT(NdisOpenFile), EXPORT(NdisMapFile), EXPORT(NdisUnmapFile), EXPORT(NdisCloseFile), EXPORT_END,
};

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * file.c - ZwCreateFile and its family on files of one folder of the user's: whatever folder of Windows a path names, its last name is
 * looked for there, in any case. Nothing leads out of the folder; directories cannot be opened.
 */
#include "nt/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { HANDLE_LIMIT = 64, PATH_BYTES = 1024, NAME_BYTES = 256, FILE_BYTES_MAX = 64 << 20, MODE = 0644 };
/* CreateDisposition, what Information tells of it, and CreateOptions. */
enum { SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF, DISPOSITION_COUNT };
enum { SUPERSEDED, OPENED, CREATED, OVERWRITTEN };
enum { OPTION_DIRECTORY = 1, OPTIONS_SYNCHRONOUS = 0x30 };
enum { READ_DATA = 1, WRITE_DATA = 2, APPEND_DATA = 4, SYNCHRONIZE = 0x100000, ATTRIBUTE_ARCHIVE = 0x20 };
static const uint32_t GENERIC_READ = 0x80000000, GENERIC_WRITE = 0x40000000, GENERIC_ALL = 0x10000000;
static const uint32_t USE_POSITION = 0xFFFFFFFE, END_OF_FILE = 0xFFFFFFFF; /* low words of a ByteOffset whose high word is -1 */
static const uintptr_t FIRST_HANDLE = 0xA0000000u;                         /* those of keys begin at 0x90000000 */
static const uint64_t UNIX_EPOCH = UINT64_C(116444736000000000);           /* in 100 ns since 1601 */

struct open_file {
    bool open, synchronous;
    int descriptor;
    uint32_t access;
    uint64_t position;
};

/* Guards everything here; held while a file is read or written, and at no yield point. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct open_file files[HANDLE_LIMIT];
static const char *files_directory;

void nt_files_directory(const char *directory)
{
    files_directory = directory;
}

static uint32_t status_of_errno(void)
{
    switch (errno) {
    case ENOENT:
        return NT_STATUS_OBJECT_NAME_NOT_FOUND;
    case EEXIST:
        return NT_STATUS_OBJECT_NAME_COLLISION;
    case ENOSPC:
    case EFBIG:
        return NT_STATUS_DISK_FULL;
    case EISDIR:
        return NT_STATUS_FILE_IS_A_DIRECTORY;
    default:
        return NT_STATUS_ACCESS_DENIED;
    }
}

/* ---- names ---- */

/* The name in `directory` as it is written there, when it is but for its case. */
static void correct_case(char *name)
{
    DIR *directory = opendir(files_directory);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        if (strcasecmp(entry->d_name, name) == 0) {
            memcpy(name, entry->d_name, strlen(name));
            break;
        }
    if (directory)
        closedir(directory);
}

static uint32_t host_path(const nt_OBJECT_ATTRIBUTES *attributes, char path[PATH_BYTES], uintptr_t who)
{
    static const char *const roots[] = {"\\SystemRoot\\", "\\??\\", "\\DosDevices\\", "\\Device\\Harddisk"};
    char text[PATH_BYTES], name[NAME_BYTES], here[128];
    bool rooted = false;
    if (attributes->RootDirectory) {
        rule_violated("HOST-HANDLE", NULL, "RootDirectory 0x%llx is not a directory, by %s", (unsigned long long)attributes->RootDirectory,
                      rules_describe_address(who, here, sizeof(here)));
        return NT_STATUS_INVALID_HANDLE;
    }
    nt_unicode_to_utf8((const void *)attributes->ObjectName, text, sizeof(text));
    if (text[0] != '\\')
        return NT_STATUS_OBJECT_PATH_SYNTAX_BAD;
    for (size_t index = 0; index < sizeof(roots) / sizeof(roots[0]); ++index)
        rooted |= strncasecmp(text, roots[index], strlen(roots[index])) == 0;
    if (!rooted || !files_directory)
        return NT_STATUS_OBJECT_PATH_NOT_FOUND;
    const char *last = strrchr(text, '\\') + 1;
    if (!*last || strpbrk(last, "/:*?\"<>|") || strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || strlen(last) >= sizeof(name))
        return NT_STATUS_OBJECT_NAME_INVALID;
    snprintf(name, sizeof(name), "%s", last);
    correct_case(name);
    return snprintf(path, PATH_BYTES, "%s/%s", files_directory, name) < PATH_BYTES ? NT_STATUS_SUCCESS : NT_STATUS_OBJECT_NAME_INVALID;
}

/* ---- handles; mutex held ---- */

static struct open_file *file_of(uintptr_t handle)
{
    uintptr_t index = (handle - FIRST_HANDLE) / 4;
    bool is_one = handle >= FIRST_HANDLE && index < HANDLE_LIMIT && FIRST_HANDLE + 4 * index == handle && files[index].open;
    return is_one ? &files[index] : NULL;
}

static struct open_file *spare_file(void)
{
    for (unsigned index = 0; index < HANDLE_LIMIT; ++index)
        if (!files[index].open)
            return &files[index];
    return NULL;
}

bool file_close(uintptr_t handle)
{
    pthread_mutex_lock(&mutex);
    struct open_file *file = file_of(handle);
    bool found = file != NULL;
    if (found) {
        close(file->descriptor);
        file->open = false;
    }
    pthread_mutex_unlock(&mutex);
    if (found)
        track_release(TRACK_HANDLE, (void *)handle);
    return found;
}

/* Mutex held. NULL, the status and a report: it is no file, or was not opened for this. */
static struct open_file *file_for(uintptr_t handle, uint32_t access, const struct export_call *call, uint32_t *status)
{
    struct open_file *file = file_of(handle);
    char here[128];
    *status = !file ? NT_STATUS_INVALID_HANDLE : access && !(file->access & access) ? NT_STATUS_ACCESS_DENIED : NT_STATUS_SUCCESS;
    if (!file)
        rule_violated("HOST-HANDLE", NULL, "0x%llx, given to %s by %s, is not an open file", (unsigned long long)handle, call->row->name,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    return *status == NT_STATUS_SUCCESS ? file : NULL;
}

/* ---- opening ---- */

static uint32_t mapped_access(uint32_t access)
{
    if (access & (GENERIC_READ | GENERIC_ALL))
        access |= READ_DATA | SYNCHRONIZE;
    if (access & (GENERIC_WRITE | GENERIC_ALL))
        access |= WRITE_DATA | APPEND_DATA | SYNCHRONIZE;
    return access;
}

static bool overwrites(uint32_t disposition)
{
    return disposition == SUPERSEDE || disposition == OVERWRITE || disposition == OVERWRITE_IF;
}

/* A descriptor of a plain file, and what was done to it. Links are followed only to read. */
static uint32_t open_path(const char *path, uint32_t access, uint32_t disposition, int *descriptor, uintptr_t *information)
{
    bool writes = access & (WRITE_DATA | APPEND_DATA) || disposition != OPEN;
    bool existed = faccessat(AT_FDCWD, path, F_OK, 0) == 0;
    struct stat found;
    int flags = O_CLOEXEC | O_NONBLOCK | (writes ? O_RDWR | O_NOFOLLOW : O_RDONLY);
    if (disposition == CREATE)
        flags |= O_CREAT | O_EXCL;
    else if (disposition != OPEN && disposition != OVERWRITE)
        flags |= O_CREAT;
    *descriptor = open(path, flags, MODE);
    if (*descriptor < 0)
        return status_of_errno();
    bool plain = fstat(*descriptor, &found) == 0 && S_ISREG(found.st_mode) && found.st_size <= FILE_BYTES_MAX;
    if (!plain || (overwrites(disposition) && ftruncate(*descriptor, 0) != 0)) {
        uint32_t status = S_ISDIR(found.st_mode) ? NT_STATUS_FILE_IS_A_DIRECTORY : NT_STATUS_ACCESS_DENIED;
        close(*descriptor);
        return status;
    }
    *information = !existed ? CREATED : disposition == SUPERSEDE ? SUPERSEDED : overwrites(disposition) ? OVERWRITTEN : OPENED;
    return NT_STATUS_SUCCESS;
}

struct opening {
    uintptr_t *handle;
    uint32_t access, disposition, options;
    const nt_OBJECT_ATTRIBUTES *attributes;
    nt_IO_STATUS_BLOCK *result;
};

/* Mutex held. */
static uint32_t open_file(const struct opening *opening, uintptr_t who)
{
    char path[PATH_BYTES];
    struct open_file *file = spare_file();
    uint32_t status = host_path(opening->attributes, path, who);
    if (status != NT_STATUS_SUCCESS)
        return status;
    if (!file)
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    *file = (struct open_file){.synchronous = opening->options & OPTIONS_SYNCHRONOUS, .access = mapped_access(opening->access)};
    uintptr_t information = 0;
    status = open_path(path, file->access, opening->disposition, &file->descriptor, &information);
    if (status != NT_STATUS_SUCCESS)
        return status;
    file->open = true;
    *opening->handle = FIRST_HANDLE + 4 * (uintptr_t)(file - files);
    opening->result->Information = information;
    track_acquire(TRACK_HANDLE, (void *)*opening->handle, 0, NULL, who);
    return status;
}

static uint32_t check_and_open(const struct opening *opening, const struct export_call *call)
{
    *opening->handle = 0;
    if (!acquire_permitted(call->row->name))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    /* A file for synchronous transfers is waited on. */
    if (opening->disposition >= DISPOSITION_COUNT || opening->options & OPTION_DIRECTORY ||
        (opening->options & OPTIONS_SYNCHRONOUS) == OPTIONS_SYNCHRONOUS ||
        (opening->options & OPTIONS_SYNCHRONOUS && !(mapped_access(opening->access) & SYNCHRONIZE)))
        return NT_STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&mutex);
    uint32_t status = open_file(opening, call->return_address);
    pthread_mutex_unlock(&mutex);
    opening->result->Status = status;
    return status;
}

/*
 * NTSTATUS ZwCreateFile(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
 * ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength)
 */
static uint64_t export_ZwCreateFile(struct export_call *call)
{
    struct opening opening = {.handle = arg_pointer(call)};
    opening.access = arg_u32(call);
    opening.attributes = arg_pointer(call);
    opening.result = arg_pointer(call);
    arg_pointer(call); /* allocation size, attributes, sharing: nobody else has the file open */
    arg_u32(call);
    arg_u32(call);
    opening.disposition = arg_u32(call);
    opening.options = arg_u32(call);
    return check_and_open(&opening, call);
}

/* NTSTATUS ZwOpenFile(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG ShareAccess, ULONG OpenOptions) */
static uint64_t export_ZwOpenFile(struct export_call *call)
{
    struct opening opening = {.handle = arg_pointer(call), .disposition = OPEN};
    opening.access = arg_u32(call);
    opening.attributes = arg_pointer(call);
    opening.result = arg_pointer(call);
    arg_u32(call);
    opening.options = arg_u32(call);
    return check_and_open(&opening, call);
}

/* ---- reading and writing ---- */

struct transfer {
    struct open_file *file;
    void *buffer;
    uint32_t length;
    const uint32_t *offset; /* a LARGE_INTEGER, or NULL */
    bool writes;
};

/* Where it begins; false: the caller does not say and the file has no position. */
static bool find_place(const struct transfer *transfer, uint64_t *place)
{
    const struct open_file *file = transfer->file;
    struct stat found;
    uint64_t size = fstat(file->descriptor, &found) == 0 ? (uint64_t)found.st_size : 0;
    bool special = transfer->offset && transfer->offset[1] == UINT32_MAX;
    bool at_end = transfer->writes && ((special && transfer->offset[0] == END_OF_FILE) || !(file->access & WRITE_DATA));
    if (at_end)
        *place = size;
    else if (!transfer->offset || (special && transfer->offset[0] == USE_POSITION))
        *place = file->position;
    else
        *place = (uint64_t)transfer->offset[1] << 32 | transfer->offset[0];
    return at_end || file->synchronous || (transfer->offset && !special);
}

/* Mutex held. */
static uint32_t carry_out(const struct transfer *transfer, uintptr_t *information)
{
    uint64_t place;
    int descriptor = transfer->file->descriptor;
    if (!find_place(transfer, &place) || place > INT64_MAX)
        return NT_STATUS_INVALID_PARAMETER;
    if (transfer->writes && place + transfer->length > FILE_BYTES_MAX)
        return NT_STATUS_DISK_FULL;
    ssize_t done = transfer->writes ? pwrite(descriptor, transfer->buffer, transfer->length, (off_t)place)
                                    : pread(descriptor, transfer->buffer, transfer->length, (off_t)place);
    if (done < 0) {
        if (errno != EFAULT)
            return status_of_errno();
        rule_violated("HOST-ARGUMENT", transfer->buffer, "%s with a buffer of %u bytes at %p, which is not all memory",
                      transfer->writes ? "ZwWriteFile" : "ZwReadFile", (unsigned)transfer->length, transfer->buffer);
        return NT_STATUS_ACCESS_VIOLATION;
    }
    *information = (uintptr_t)done;
    transfer->file->position = place + (uint64_t)done;
    return !transfer->writes && done == 0 && transfer->length ? NT_STATUS_END_OF_FILE : NT_STATUS_SUCCESS;
}

/* NTSTATUS (HANDLE, HANDLE Event, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID Buffer, ULONG Length, PLARGE_INTEGER, PULONG Key) */
static uint64_t transfer_data(struct export_call *call, bool writes)
{
    uintptr_t handle = arg_word(call), event = arg_word(call), routine = arg_word(call);
    char here[128];
    arg_word(call);
    nt_IO_STATUS_BLOCK *result = arg_pointer(call);
    struct transfer transfer = {.buffer = arg_pointer(call), .length = 0, .writes = writes};
    uint32_t status;
    uintptr_t information = 0;
    transfer.length = arg_u32(call);
    transfer.offset = arg_pointer(call);
    if (event || routine) { /* nobody here gives handles of events; APC routines are for user mode */
        rule_violated(event ? "HOST-HANDLE" : "HOST-ARGUMENT", NULL, "%s with %s, by %s", call->row->name,
                      event ? "an event that is not open" : "an APC routine",
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_PARAMETER;
    }
    pthread_mutex_lock(&mutex);
    transfer.file = file_for(handle, writes ? WRITE_DATA | APPEND_DATA : READ_DATA, call, &status);
    if (transfer.file)
        status = carry_out(&transfer, &information);
    pthread_mutex_unlock(&mutex);
    result->Status = status;
    result->Information = information;
    return status;
}

static uint64_t export_ZwReadFile(struct export_call *call)
{
    return transfer_data(call, false);
}

static uint64_t export_ZwWriteFile(struct export_call *call)
{
    return transfer_data(call, true);
}

/* ---- what is known of a file ---- */

static uint64_t nt_time(struct timespec time)
{
    return UNIX_EPOCH + (uint64_t)time.tv_sec * 10000000 + (uint64_t)time.tv_nsec / 100;
}

static void describe(const struct stat *found, nt_FILE_NETWORK_OPEN_INFORMATION *all)
{
    *all = (nt_FILE_NETWORK_OPEN_INFORMATION){0};
    all->CreationTime = all->ChangeTime = nt_time(found->st_ctim);
    all->LastAccessTime = nt_time(found->st_atim);
    all->LastWriteTime = nt_time(found->st_mtim);
    all->AllocationSize = (uint64_t)found->st_blocks * 512;
    all->EndOfFile = (uint64_t)found->st_size;
    all->FileAttributes = ATTRIBUTE_ARCHIVE;
}

union information {
    nt_FILE_BASIC_INFORMATION basic;
    nt_FILE_STANDARD_INFORMATION standard;
    nt_FILE_POSITION_INFORMATION position;
    nt_FILE_NETWORK_OPEN_INFORMATION all;
};

/* Its size; 0: a class that is not offered. */
static uint32_t fill(const struct open_file *file, const struct stat *found, uint32_t class, union information *information)
{
    nt_FILE_NETWORK_OPEN_INFORMATION all;
    describe(found, &all);
    memset(information, 0, sizeof(*information));
    switch (class) {
    case NT_FileBasicInformation:
        information->basic.CreationTime = all.CreationTime;
        information->basic.LastAccessTime = all.LastAccessTime;
        information->basic.LastWriteTime = all.LastWriteTime;
        information->basic.ChangeTime = all.ChangeTime;
        information->basic.FileAttributes = all.FileAttributes;
        return sizeof(information->basic);
    case NT_FileStandardInformation:
        information->standard.AllocationSize = all.AllocationSize;
        information->standard.EndOfFile = all.EndOfFile;
        information->standard.NumberOfLinks = 1;
        return sizeof(information->standard);
    case NT_FilePositionInformation:
        information->position.CurrentByteOffset = file->position;
        return sizeof(information->position);
    case NT_FileNetworkOpenInformation:
        information->all = all;
        return sizeof(information->all);
    default:
        return 0;
    }
}

/* NTSTATUS ZwQueryInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID FileInformation, ULONG Length, FILE_INFORMATION_CLASS) */
static uint64_t export_ZwQueryInformationFile(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    nt_IO_STATUS_BLOCK *result = arg_pointer(call);
    void *buffer = arg_pointer(call);
    uint32_t length = arg_u32(call), class = arg_u32(call), size = 0, status;
    union information information;
    struct stat found;
    pthread_mutex_lock(&mutex);
    const struct open_file *file = file_for(handle, 0, call, &status);
    if (file && fstat(file->descriptor, &found) == 0)
        size = fill(file, &found, class, &information);
    pthread_mutex_unlock(&mutex);
    if (status == NT_STATUS_SUCCESS)
        status = size == 0 ? NT_STATUS_INVALID_INFO_CLASS : length < size ? NT_STATUS_INFO_LENGTH_MISMATCH : NT_STATUS_SUCCESS;
    if (status == NT_STATUS_SUCCESS)
        memcpy(buffer, &information, size);
    result->Status = status;
    result->Information = status == NT_STATUS_SUCCESS ? size : 0;
    return status;
}

/* Mutex held. The position, or the end: a file is cut off or filled up with zeros. */
static uint32_t set(struct open_file *file, uint32_t class, uint64_t value)
{
    if (class == NT_FilePositionInformation && value <= INT64_MAX)
        file->position = value;
    else if (class == NT_FilePositionInformation)
        return NT_STATUS_INVALID_PARAMETER;
    else if (!(file->access & WRITE_DATA))
        return NT_STATUS_ACCESS_DENIED;
    else if (value > FILE_BYTES_MAX || ftruncate(file->descriptor, (off_t)value) != 0)
        return NT_STATUS_DISK_FULL;
    return NT_STATUS_SUCCESS;
}

/* NTSTATUS ZwSetInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID FileInformation, ULONG Length, FILE_INFORMATION_CLASS) */
static uint64_t export_ZwSetInformationFile(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    nt_IO_STATUS_BLOCK *result = arg_pointer(call);
    const void *buffer = arg_pointer(call);
    uint32_t length = arg_u32(call), class = arg_u32(call), status;
    uint64_t value;
    pthread_mutex_lock(&mutex);
    struct open_file *file = file_for(handle, 0, call, &status);
    if (file && class != NT_FilePositionInformation && class != NT_FileEndOfFileInformation) {
        status = NT_STATUS_INVALID_INFO_CLASS;
    } else if (file && length < sizeof(value)) {
        status = NT_STATUS_INFO_LENGTH_MISMATCH;
    } else if (file) {
        memcpy(&value, buffer, sizeof(value));
        status = set(file, class, value);
    }
    pthread_mutex_unlock(&mutex);
    result->Status = status;
    result->Information = 0;
    return status;
}

/* NTSTATUS ZwQueryFullAttributesFile(POBJECT_ATTRIBUTES, PFILE_NETWORK_OPEN_INFORMATION) */
static uint64_t export_ZwQueryFullAttributesFile(struct export_call *call)
{
    const nt_OBJECT_ATTRIBUTES *attributes = arg_pointer(call);
    nt_FILE_NETWORK_OPEN_INFORMATION *information = arg_pointer(call);
    char path[PATH_BYTES];
    struct stat found;
    uint32_t status = host_path(attributes, path, call->return_address);
    if (status != NT_STATUS_SUCCESS)
        return status;
    if (stat(path, &found) != 0)
        return status_of_errno();
    describe(&found, information);
    return status;
}

const struct export_row nt_file_exports[] = {
    EXPORT(ZwCreateFile),
    EXPORT(ZwOpenFile),
    EXPORT(ZwReadFile),
    EXPORT(ZwWriteFile),
    EXPORT(ZwQueryInformationFile),
    EXPORT(ZwSetInformationFile),
    EXPORT(ZwQueryFullAttributesFile),
    EXPORT_END,
};

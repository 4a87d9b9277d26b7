/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files by path: firmware is read, logs are written, in one folder; names lead nowhere else, and misuse is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "image_side.h"
#include "nt/file.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF };
enum { READ = 0x120089, WRITE = 0x120116, APPEND = 0x100004, SYNCHRONOUS = 0x20, WAS_OPENED = 1, WAS_CREATED = 2, WAS_OVERWRITTEN = 3 };
static const char firmware[] = "0123456789";

static char folder[] = "/tmp/test_nt_file.XXXXXX";
static nt_IO_STATUS_BLOCK result;

static uint32_t create(const char *path, uint32_t access, uint32_t disposition, uint32_t options, uintptr_t *handle)
{
    uint16_t units[128];
    nt_UNICODE_STRING name = {0};
    nt_OBJECT_ATTRIBUTES attributes = {0};
    name.Length = (uint16_t)(2 * nt_utf8_to_utf16(path, units, 128));
    name.MaximumLength = name.Length;
    name.Buffer = (uintptr_t)units;
    attributes.Length = sizeof(attributes);
    attributes.ObjectName = (uintptr_t)&name;
    attributes.Attributes = NT_OBJ_KERNEL_HANDLE | NT_OBJ_CASE_INSENSITIVE;
    return STDCALL(uint32_t, "ZwCreateFile", uintptr_t *, uint32_t, void *, void *, void *, uint32_t, uint32_t, uint32_t, uint32_t, void *,
                   uint32_t)(handle, access, &attributes, &result, NULL, 0, 0, disposition, options, NULL, 0);
}

static uint32_t transfer(const char *export, uintptr_t handle, void *buffer, uint32_t length, const int64_t *offset)
{
    return STDCALL(uint32_t, export, uintptr_t, uintptr_t, void *, void *, void *, void *, uint32_t, const void *,
                   void *)(handle, 0, NULL, NULL, &result, buffer, length, offset, NULL);
}

static uint32_t read_file(uintptr_t handle, void *buffer, uint32_t length, const int64_t *offset)
{
    return transfer("ZwReadFile", handle, buffer, length, offset);
}

static uint32_t write_file(uintptr_t handle, const char *text, const int64_t *offset)
{
    return transfer("ZwWriteFile", handle, (void *)(uintptr_t)text, (uint32_t)strlen(text), offset);
}

static uint32_t close_file(uintptr_t handle)
{
    return STDCALL(uint32_t, "ZwClose", uintptr_t)(handle);
}

static uint32_t query(uintptr_t handle, void *buffer, uint32_t length, uint32_t class)
{
    return STDCALL(uint32_t, "ZwQueryInformationFile", uintptr_t, void *, void *, uint32_t, uint32_t)(handle, &result, buffer, length,
                                                                                                      class);
}

static uint32_t set(uintptr_t handle, uint64_t value, uint32_t class)
{
    return STDCALL(uint32_t, "ZwSetInformationFile", uintptr_t, void *, void *, uint32_t, uint32_t)(handle, &result, &value, sizeof(value),
                                                                                                    class);
}

static void host_path(char path[128], const char *name)
{
    snprintf(path, 128, "%s/%s", folder, name);
}

static void IMAGE_ENTRY read_firmware(void)
{
    char buffer[16] = "";
    uintptr_t handle;
    nt_FILE_STANDARD_INFORMATION standard;
    nt_FILE_POSITION_INFORMATION position;
    int64_t offset = 8;
    CLAIM_EQUAL(create("\\SystemRoot\\System32\\drivers\\FIRMWARE.bin", READ, OPEN, SYNCHRONOUS, &handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, WAS_OPENED);
    CLAIM_EQUAL(query(handle, &standard, sizeof(standard), NT_FileStandardInformation), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(standard.EndOfFile, 10);
    CLAIM_EQUAL(standard.Directory, 0);
    CLAIM_EQUAL(read_file(handle, buffer, 4, NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, 4);
    CLAIM_EQUAL(read_file(handle, buffer + 4, 2, NULL), NT_STATUS_SUCCESS);
    CLAIM(memcmp(buffer, "012345", 6) == 0);
    CLAIM_EQUAL(query(handle, &position, sizeof(position), NT_FilePositionInformation), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(position.CurrentByteOffset, 6);
    CLAIM_EQUAL(read_file(handle, buffer, 16, &offset), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, 2);
    CLAIM_EQUAL(read_file(handle, buffer, 16, NULL), NT_STATUS_END_OF_FILE);
    CLAIM_EQUAL(result.Information, 0);
    CLAIM_EQUAL(set(handle, 1, NT_FilePositionInformation), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(read_file(handle, buffer, 1, NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(buffer[0], '1');
    CLAIM_EQUAL(write_file(handle, "x", NULL), NT_STATUS_ACCESS_DENIED);
    CLAIM_EQUAL(set(handle, 0, NT_FileEndOfFileInformation), NT_STATUS_ACCESS_DENIED);
    CLAIM_EQUAL(query(handle, &standard, 4, NT_FileStandardInformation), NT_STATUS_INFO_LENGTH_MISMATCH);
    CLAIM_EQUAL(query(handle, &standard, sizeof(standard), 999), NT_STATUS_INVALID_INFO_CLASS);
    CLAIM_EQUAL(close_file(handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void firmware_is_read(void **state)
{
    (void)state;
    run_image(1, read_firmware);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void IMAGE_ENTRY write_log(void)
{
    uintptr_t handle;
    const int64_t end = -1;
    const char *path = "\\??\\C:\\Windows\\nic.log";
    CLAIM_EQUAL(create(path, WRITE, OPEN, SYNCHRONOUS, &handle), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(create(path, WRITE, CREATE, SYNCHRONOUS, &handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, WAS_CREATED);
    CLAIM_EQUAL(write_file(handle, "first ", NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, 6);
    CLAIM_EQUAL(set(handle, 0, NT_FilePositionInformation), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(write_file(handle, "second ", &end), NT_STATUS_SUCCESS); /* FILE_WRITE_TO_END_OF_FILE */
    close_file(handle);
    CLAIM_EQUAL(create(path, WRITE, CREATE, SYNCHRONOUS, &handle), NT_STATUS_OBJECT_NAME_COLLISION);
    CLAIM_EQUAL(create(path, APPEND, OPEN_IF, SYNCHRONOUS, &handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, WAS_OPENED);
    CLAIM_EQUAL(write_file(handle, "third", &(int64_t){0}), NT_STATUS_SUCCESS); /* wherever: at the end */
    CLAIM_EQUAL(set(handle, 1, NT_FileEndOfFileInformation), NT_STATUS_ACCESS_DENIED);
    close_file(handle);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void IMAGE_ENTRY overwrite_log(void)
{
    uintptr_t handle;
    CLAIM_EQUAL(create("\\DosDevices\\C:\\NIC.LOG", WRITE, OVERWRITE_IF, SYNCHRONOUS, &handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(result.Information, WAS_OVERWRITTEN);
    CLAIM_EQUAL(write_file(handle, "short", NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(set(handle, 2, NT_FileEndOfFileInformation), NT_STATUS_SUCCESS);
    close_file(handle);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void assert_log(const char *text)
{
    char path[128], found[64] = "";
    host_path(path, "nic.log");
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fread(found, 1, sizeof(found) - 1, stream), strlen(text));
    fclose(stream);
    assert_string_equal(found, text);
}

static void logs_are_written(void **state)
{
    (void)state;
    run_image(1, write_log);
    assert_log("first second third");
    run_image(1, overwrite_log);
    assert_log("sh");
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void IMAGE_ENTRY wrong_names(void)
{
    static const struct {
        const char *path;
        uint32_t status;
    } rows[] = {
        {"firmware.bin", NT_STATUS_OBJECT_PATH_SYNTAX_BAD},     {"\\Nowhere\\firmware.bin", NT_STATUS_OBJECT_PATH_NOT_FOUND},
        {"\\SystemRoot\\..", NT_STATUS_OBJECT_NAME_INVALID},    {"\\SystemRoot\\../../etc/passwd", NT_STATUS_OBJECT_NAME_INVALID},
        {"\\SystemRoot\\", NT_STATUS_OBJECT_NAME_INVALID},      {"\\SystemRoot\\missing.bin", NT_STATUS_OBJECT_NAME_NOT_FOUND},
        {"\\SystemRoot\\below", NT_STATUS_FILE_IS_A_DIRECTORY},
    };
    uintptr_t handle;
    for (unsigned row = 0; row < sizeof(rows) / sizeof(rows[0]); ++row) {
        CLAIM_EQUAL(create(rows[row].path, READ, OPEN, SYNCHRONOUS, &handle), rows[row].status);
        CLAIM_EQUAL(handle, 0);
    }
    CLAIM_EQUAL(create("\\SystemRoot\\link.txt", WRITE, OPEN_IF, SYNCHRONOUS, &handle), NT_STATUS_ACCESS_DENIED); /* leads out */
    CLAIM_EQUAL(create("\\SystemRoot\\firmware.bin", READ & ~0x100000u, OPEN, SYNCHRONOUS, &handle), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(create("\\SystemRoot\\firmware.bin", READ, 6, SYNCHRONOUS, &handle), NT_STATUS_INVALID_PARAMETER);
    acquire_reset();
    acquire_refuse_number(1);
    CLAIM_EQUAL(create("\\SystemRoot\\firmware.bin", READ, OPEN, SYNCHRONOUS, &handle), NT_STATUS_INSUFFICIENT_RESOURCES);
    acquire_reset();
    nt_files_directory(NULL);
    CLAIM_EQUAL(create("\\SystemRoot\\firmware.bin", READ, OPEN, SYNCHRONOUS, &handle), NT_STATUS_OBJECT_PATH_NOT_FOUND);
    nt_files_directory(folder);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void names_lead_nowhere_else(void **state)
{
    (void)state;
    run_image(1, wrong_names);
}

static void IMAGE_ENTRY misuse(void)
{
    char buffer[4];
    uintptr_t handle;
    CLAIM_EQUAL(create("\\SystemRoot\\firmware.bin", READ, OPEN, 0, &handle), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(read_file(handle, buffer, 4, NULL), NT_STATUS_INVALID_PARAMETER); /* not synchronous: it has no position */
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(read_file(handle, (void *)(uintptr_t)16, 4, &(int64_t){0}), NT_STATUS_ACCESS_VIOLATION);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    CLAIM_EQUAL(read_file(handle + 4, buffer, 4, NULL), NT_STATUS_INVALID_HANDLE);
    CLAIM_EQUAL(rules_report_count("HOST-HANDLE"), 1);
    close_file(handle);
    CLAIM_EQUAL(close_file(handle), NT_STATUS_INVALID_HANDLE); /* twice */
    CLAIM_EQUAL(rules_report_count("HOST-HANDLE"), 2);
    uint8_t irql = STDCALL(uint8_t, "KeRaiseIrqlToDpcLevel", void)();
    create("\\SystemRoot\\firmware.bin", READ, OPEN, SYNCHRONOUS, &handle); /* and never closed */
    STDCALL(void, "KeLowerIrql", uint8_t)(irql);
    CLAIM_EQUAL(rules_report_count("IRQL-29"), 1);
}

static void misuse_of_files_is_reported(void **state)
{
    (void)state;
    run_image(1, misuse);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

static int make_folder(void **state)
{
    char path[128];
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    host_path(path, "firmware.bin");
    FILE *stream = fopen(path, "wb");
    if (!stream || fwrite(firmware, 1, 10, stream) != 10 || fclose(stream) != 0)
        return -1;
    host_path(path, "below");
    if (mkdir(path, 0700) != 0)
        return -1;
    host_path(path, "link.txt");
    nt_files_directory(folder);
    return symlink("/dev/null", path);
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"firmware.bin", "nic.log", "link.txt"};
    char path[128];
    (void)state;
    for (unsigned index = 0; index < 3; ++index) {
        host_path(path, names[index]);
        unlink(path);
    }
    host_path(path, "below");
    rmdir(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firmware_is_read),
        cmocka_unit_test(logs_are_written),
        cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test(misuse_of_files_is_reported),
    };
    image_side_set_up(); /* may begin the program anew, for another layout of its memory: before the folder is made */
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

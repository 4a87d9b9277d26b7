/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* host.c - joins the rooms of the program, and finds the twin for images of the other architecture. */
#include "cli/host.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "ndis/adapter.h"
#include "ndis/file.h"
#include "nt/file.h"
#include "nt/nt.h"
#include "pci/function.h"
#include "rules/rules.h"

#if UINTPTR_MAX == UINT32_MAX
static const enum image_machine own_machine = IMAGE_X86;
static const char twin_name[] = "ndishost";
#else
static const enum image_machine own_machine = IMAGE_X64;
static const char twin_name[] = "ndishost32";
#endif

static char **arguments;

void host_remember_arguments(char **argv)
{
    arguments = argv;
}

const char *image_machine_name(enum image_machine machine)
{
    return machine == IMAGE_X86 ? "x86" : machine == IMAGE_X64 ? "x64" : "unknown";
}

const char *host_architecture_name(void)
{
    return image_machine_name(own_machine);
}

const char *host_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

struct image_facts *host_read_image(const char *path, char *error, size_t error_size)
{
    char why[384];
    struct image_facts *facts = image_facts_read(path, why, sizeof(why));
    if (!facts)
        snprintf(error, error_size, "%s: %s", path, why);
    return facts;
}

/* ---- the twin ---- */

/* "/path/of/this/program" with another last part. */
static bool sibling_path(const char *name, char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    if (length <= 0)
        return false;
    path[length] = 0;
    char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash + 1 - path) + strlen(name) >= size)
        return false;
    strcpy(slash + 1, name);
    return true;
}

static void become_twin(enum image_machine machine, char *error, size_t error_size)
{
    char path[PATH_MAX];
    if (!sibling_path(twin_name, path, sizeof(path))) {
        snprintf(error, error_size, "this program cannot find itself in /proc/self/exe");
        return;
    }
    execv(path, arguments);
    snprintf(error, error_size, "%s images are run by %s, which cannot be started: %s", image_machine_name(machine), path, strerror(errno));
}

/* ---- the rooms ---- */

static void where(struct rules_place *place)
{
    bool on_context = sched_on_context();
    place->now = sched_now();
    place->processor = on_context ? sched_current_processor() : RULES_NO_PROCESSOR;
    place->irql = on_context ? irql_current() : 0;
}

static void join_rooms(void)
{
    rules_set_describer(image_describe_address);
    rules_set_place(where);
    trap_set_describer(image_describe_address);
    trap_install();
    nt_set_physical(guest_memory_physical);
    nt_set_guest_memory(guest_memory_allocate, guest_memory_free);
    nt_exports_register();
    ndis_exports_register();
}

bool host_take_image(const struct image_facts *facts, char *error, size_t error_size)
{
    enum image_machine machine = image_facts_machine(facts);
    if (machine == IMAGE_UNKNOWN) {
        snprintf(error, error_size, "the image is for a machine that is neither x86 nor x64");
        return false;
    }
    if (machine != own_machine) {
        become_twin(machine, error, error_size);
        return false;
    }
    join_rooms();
    return true;
}

void host_take_no_image(void)
{
    join_rooms();
}

bool host_take_files(const char *directory, char *error, size_t error_size)
{
    struct stat found;
    if (directory && (stat(directory, &found) != 0 || (!S_ISDIR(found.st_mode) && (errno = ENOTDIR)))) {
        snprintf(error, error_size, "--files %s: %s", directory, strerror(errno));
        return false;
    }
    ndis_files_directory(directory);
    nt_files_directory(directory);
    return true;
}

bool host_knows_import(const char *dll, const char *name)
{
    return export_resolve(dll, name) != 0;
}

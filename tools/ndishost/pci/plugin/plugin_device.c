/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* plugin_device.c - loads a shared object and lets it create a device; every way in which that fails is one line. */
#include "plugin_device.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if UINTPTR_MAX == UINT32_MAX
enum { OWN_CLASS = ELFCLASS32, OWN_MACHINE = EM_386, OWN_BITS = 32 };
static const char own_images[] = "x86";
#else
enum { OWN_CLASS = ELFCLASS64, OWN_MACHINE = EM_X86_64, OWN_BITS = 64 };
static const char own_images[] = "x64";
#endif

typedef const struct ndishost_pci_plugin *plugin_entry(void);

static bool refuse(char *error, size_t error_size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    return false;
}

/*
 * What dlopen() would say of a file for the other twin ("wrong ELF class") helps nobody who does not know that there are two. Only the
 * fields that lie at the same place in both classes are looked at.
 */
static bool file_fits(const char *path, char *error, size_t error_size)
{
    unsigned char head[offsetof(Elf32_Ehdr, e_version)];
    FILE *file = fopen(path, "rbe");
    if (!file)
        return refuse(error, error_size, "plugin %s: %s", path, strerror(errno));
    size_t length = fread(head, 1, sizeof(head), file);
    bool readable = !ferror(file);
    fclose(file);
    if (!readable || length < sizeof(head) || memcmp(head, ELFMAG, SELFMAG) != 0)
        return refuse(error, error_size, "plugin %s: not a shared object", path);
    uint16_t machine;
    memcpy(&machine, head + offsetof(Elf32_Ehdr, e_machine), sizeof(machine));
    if (head[EI_CLASS] != OWN_CLASS)
        return refuse(error, error_size, "plugin %s: %d-bit; %s images need a %d-bit plugin (cc -m%d)", path,
                      head[EI_CLASS] == ELFCLASS32 ? 32 : 64, own_images, OWN_BITS, OWN_BITS);
    if (machine != OWN_MACHINE)
        return refuse(error, error_size, "plugin %s: for another processor (ELF machine %u)", path, machine);
    return true;
}

static const struct ndishost_pci_plugin *load(const char *path, char *error, size_t error_size)
{
    char resolved[PATH_MAX];
    /* A name without a slash would be searched for among the system's libraries. */
    if (!realpath(path, resolved)) {
        refuse(error, error_size, "plugin %s: %s", path, strerror(errno));
        return NULL;
    }
    if (!file_fits(path, error, error_size))
        return NULL;
    void *library = dlopen(resolved, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        refuse(error, error_size, "plugin %s", dlerror());
        return NULL;
    }
    plugin_entry *entry;
    void *symbol = dlsym(library, "ndishost_pci_plugin");
    memcpy(&entry, &symbol, sizeof(entry));
    const struct ndishost_pci_plugin *plugin = entry ? entry() : NULL;
    if (!entry)
        refuse(error, error_size, "plugin %s: it has no entry point ndishost_pci_plugin()", path);
    else if (!plugin)
        refuse(error, error_size, "plugin %s: ndishost_pci_plugin() returned nothing", path);
    else if (plugin->version != NDISHOST_PCI_PLUGIN_VERSION)
        refuse(error, error_size, "plugin %s: made for interface version %u, this ndishost has %u: compile it again", path, plugin->version,
               NDISHOST_PCI_PLUGIN_VERSION);
    else if (!plugin->create)
        refuse(error, error_size, "plugin %s: it has no create()", path);
    else
        return plugin;
    dlclose(library);
    return NULL;
}

/* The name of an operation that must be there and is not, or NULL. */
static const char *missing_operation(const struct ndishost_pci_device *device)
{
    const struct ndishost_pci_ops *ops = device->ops;
    return !ops                 ? "operations"
           : !ops->config_read  ? "config_read"
           : !ops->config_write ? "config_write"
           : !ops->bar_read     ? "bar_read"
           : !ops->bar_write    ? "bar_write"
           : !ops->describe     ? "describe"
           : !ops->destroy      ? "destroy"
                                : NULL;
}

bool plugin_device_create(const char *path, const struct ndishost_pci_plugin_order *order, const struct ndishost_pci_host *host,
                          struct ndishost_pci_device *device, char *error, size_t error_size)
{
    const struct ndishost_pci_plugin *plugin = load(path, error, error_size);
    char reason[256] = "";
    if (!plugin)
        return false;
    *device = (struct ndishost_pci_device){0};
    if (!plugin->create(order, host, device, reason, sizeof(reason))) {
        reason[sizeof(reason) - 1] = 0;
        reason[strcspn(reason, "\r\n")] = 0;
        return refuse(error, error_size, "plugin %s: %s", path, reason[0] ? reason : "it could not create its device, and gave no reason");
    }
    const char *missing = missing_operation(device);
    return !missing || refuse(error, error_size, "plugin %s: its device has no %s", path, missing);
}

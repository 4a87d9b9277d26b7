/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_choice.c - parses --device, and says what follows from it. */
#include "pci/device_choice.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pci/function.h"

enum { MODEL_SEED_LONGEST = 32, MAC_BYTES = 6 };

static const uint8_t first_mac[MAC_BYTES] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

static bool refuse(char *error, size_t error_size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- model ---- */

static bool model_choice(const char *text, struct device_choice *choice, char *error, size_t error_size)
{
    choice->kind = CHOICE_MODEL;
    if (strlen(text) + MODEL_SEED_LONGEST >= sizeof(choice->model_text))
        return refuse(error, error_size, "--device is too long");
    strcpy(choice->model_text, text);
    if (!model_options_parse(choice->model_text, &choice->model, error, error_size))
        return false;
    memcpy(choice->mac, choice->model.mac, sizeof(choice->mac));
    return true;
}

/* ---- qemu ---- */

static bool mac_parse(const char *text, uint8_t mac[MAC_BYTES], char *error, size_t error_size)
{
    unsigned bytes[MAC_BYTES];
    int used = 0;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &used) != MAC_BYTES ||
        (size_t)used != strlen(text))
        return refuse(error, error_size, "mac wants six bytes as 52:54:00:12:34:56, not \"%s\"", text);
    if (bytes[0] & 1)
        return refuse(error, error_size, "mac %s is a multicast address, which no adapter has", text);
    for (int i = 0; i < MAC_BYTES; ++i)
        mac[i] = (uint8_t)bytes[i];
    return true;
}

static bool qemu_property(const char *property, struct device_choice *choice, char *error, size_t error_size)
{
    if (!strchr(property, '='))
        return refuse(error, error_size, "device property \"%s\" has no value: write %s=VALUE", property, property);
    if (strncmp(property, "mac=", 4) == 0)
        return mac_parse(property + 4, choice->mac, error, error_size);
    size_t used = strlen(choice->properties);
    snprintf(choice->properties + used, sizeof(choice->properties) - used, "%s%s", used ? "," : "", property);
    return true;
}

static bool qemu_choice(const char *text, struct device_choice *choice, char *error, size_t error_size)
{
    char copy[sizeof(choice->properties)], *rest = NULL;
    choice->kind = CHOICE_QEMU;
    if (strlen(text) >= sizeof(copy))
        return refuse(error, error_size, "--device is too long");
    strcpy(copy, text);
    char *word = copy;
    if (*word == ':') {
        size_t length = strcspn(word, ",");
        choice->transitional = length == strlen(":transitional") && strncmp(word, ":transitional", length) == 0;
        if (!choice->transitional)
            return refuse(error, error_size, "--device qemu knows the variant \"transitional\", not \"%.*s\"", (int)length - 1, word + 1);
        word += length;
    }
    for (char *property = strtok_r(word, ",", &rest); property; property = strtok_r(NULL, ",", &rest))
        if (!qemu_property(property, choice, error, error_size))
            return false;
    return true;
}

/* ---- plugin ---- */

/* "FILE.so[,OPTIONS]": the options are the plugin's own, down to their commas. */
static bool plugin_choice(const char *text, struct device_choice *choice, char *error, size_t error_size)
{
    text += *text == ':';
    size_t length = strcspn(text, ",");
    choice->kind = CHOICE_PLUGIN;
    if (length == 0)
        return refuse(error, error_size, "--device plugin wants a shared object: plugin:FILE.so[,OPTIONS]");
    if (length >= sizeof(choice->plugin))
        return refuse(error, error_size, "--device plugin: the name of the file is too long");
    snprintf(choice->plugin, sizeof(choice->plugin), "%.*s", (int)length, text);
    choice->plugin_options = text[length] ? text + length + 1 : text + length;
    return true;
}

/* ---- any ---- */

static bool none_choice(const char *text, struct device_choice *choice, char *error, size_t error_size)
{
    choice->kind = CHOICE_NONE;
    return !*text || refuse(error, error_size, "--device none has no properties, and not \"%s\"", text);
}

bool device_choice_parse(const char *text, struct device_choice *choice, char *error, size_t error_size)
{
    static const struct {
        const char *name;
        bool (*parse)(const char *text, struct device_choice *choice, char *error, size_t error_size);
    } kinds[] = {{"model", model_choice}, {"qemu", qemu_choice}, {"plugin", plugin_choice}, {"none", none_choice}};
    size_t length = strcspn(text, ":,");
    *choice = (struct device_choice){.plugin_options = ""};
    memcpy(choice->mac, first_mac, sizeof(choice->mac));
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i)
        if (strlen(kinds[i].name) == length && strncmp(text, kinds[i].name, length) == 0)
            return kinds[i].parse(text + length, choice, error, error_size);
    return refuse(error, error_size, "--device is model, qemu, plugin:FILE.so or none, not \"%.*s\"", length < 64 ? (int)length : 64, text);
}

void device_choice_seed(struct device_choice *choice, uint64_t seed)
{
    char text[sizeof(choice->model_text) + MODEL_SEED_LONGEST], error[256];
    if (choice->kind != CHOICE_MODEL || strstr(choice->model_text, "seed="))
        return;
    snprintf(text, sizeof(text), "%s%cseed=%" PRIu64, choice->model_text, *choice->model_text ? ',' : ':', seed);
    model_options_parse(text, &choice->model, error, sizeof(error)); /* it was parsed before */
}

bool device_choice_is_replayable(const struct device_choice *choice)
{
    return choice->kind == CHOICE_MODEL || choice->kind == CHOICE_NONE;
}

bool device_choice_misbehaves(const struct device_choice *choice)
{
    return choice->kind == CHOICE_MODEL && model_options_expect_loss(&choice->model);
}

void device_choice_mac(const struct device_choice *choice, unsigned index, uint8_t mac[MAC_BYTES])
{
    memcpy(mac, choice->mac, MAC_BYTES);
    mac[MAC_BYTES - 1] = (uint8_t)(mac[MAC_BYTES - 1] + index);
}

bool device_choice_create_model(const struct device_choice *choice, unsigned index, const struct ndishost_pci_host *host,
                                struct ndishost_pci_device *device, char *error, size_t error_size)
{
    struct model_options options = choice->model;
    device_choice_mac(choice, index, options.mac);
    return model_device_create(&options, host, device, error, error_size);
}

void device_choice_tell(const struct device_choice *choice, struct pci_function *function)
{
    const bool model = choice->kind == CHOICE_MODEL;
    pci_function_trust_sums(function, choice->trust_sums || (model && choice->model.trust_sums));
    pci_function_expect_device_failure(function, model && model_options_expect_failure(&choice->model));
    pci_function_expect_lies(function, device_choice_misbehaves(choice));
}

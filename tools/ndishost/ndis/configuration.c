/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* configuration.c - NdisOpenConfigurationEx and its family: keywords as an INF wrote them (REG_SZ), read in the type asked for. */
#include "ndis/configuration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { KEYWORD_NAME_SIZE = 128, KEYWORD_VALUE_SIZE = 512 };

struct stored_keyword {
    struct stored_keyword *next;
    char name[KEYWORD_NAME_SIZE];
    char value[KEYWORD_VALUE_SIZE];
    bool asked_for; /* NdisReadConfiguration */
    bool withheld;  /* the last NdisReadConfiguration of it was refused (acquire.h) */
};

struct keyword_store {
    pthread_mutex_t mutex;
    struct stored_keyword *first;
    bool all_withheld; /* the last NdisOpenConfigurationEx was refused (acquire.h) */
};

/* What NdisReadConfiguration returned lives until the configuration is closed (INI-30), then it is overwritten. */
struct returned_block {
    struct returned_block *next;
    size_t size;
    _Alignas(16) unsigned char bytes[];
};

struct configuration {
    struct adapter *adapter;
    void *handle;
    char prefix[KEYWORD_NAME_SIZE]; /* "" or "Subkey\" */
    struct returned_block *blocks;
    atomic_bool busy; /* INI-31 */
};

/* ---- the store ---- */

static struct stored_keyword *store_find(struct keyword_store *store, const char *name)
{
    struct stored_keyword *keyword;

    for (keyword = store->first; keyword && strcasecmp(keyword->name, name); keyword = keyword->next)
        ;
    return keyword;
}

static void store_set(struct keyword_store *store, const char *name, const char *value)
{
    struct stored_keyword *keyword;

    pthread_mutex_lock(&store->mutex);
    keyword = store_find(store, name);
    if (!keyword) {
        keyword = calloc(1, sizeof(*keyword));
        if (!keyword)
            abort();
        snprintf(keyword->name, sizeof(keyword->name), "%s", name);
        keyword->next = store->first;
        store->first = keyword;
    }
    snprintf(keyword->value, sizeof(keyword->value), "%s", value);
    pthread_mutex_unlock(&store->mutex);
}

struct keyword_store *keyword_store_create(const struct keyword *keywords, unsigned count)
{
    struct keyword_store *store = calloc(1, sizeof(*store));

    if (!store)
        abort();
    pthread_mutex_init(&store->mutex, NULL);
    /* INF-01: every adapter has these from its INF; a keyword of the caller overrides them. */
    store_set(store, "*IfType", "6");
    store_set(store, "*MediaType", "0");
    store_set(store, "*PhysicalMediaType", "14");
    for (unsigned index = 0; index < count; index++)
        store_set(store, keywords[index].name, keywords[index].value);
    return store;
}

void keyword_store_destroy(struct keyword_store *store)
{
    if (!store)
        return;
    while (store->first) {
        struct stored_keyword *keyword = store->first;

        store->first = keyword->next;
        free(keyword);
    }
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

const char *configuration_text(const struct adapter *adapter, const char *keyword)
{
    struct stored_keyword *found;

    pthread_mutex_lock(&adapter->keywords->mutex);
    found = store_find(adapter->keywords, keyword);
    pthread_mutex_unlock(&adapter->keywords->mutex);
    return found ? found->value : NULL;
}

bool configuration_withheld(const struct adapter *adapter, const char *keyword)
{
    pthread_mutex_lock(&adapter->keywords->mutex);
    const struct stored_keyword *found = store_find(adapter->keywords, keyword);
    bool withheld = adapter->keywords->all_withheld || (found && found->withheld);
    pthread_mutex_unlock(&adapter->keywords->mutex);
    return withheld;
}

/* ---- handles ---- */

static void *return_block(struct configuration *configuration, size_t size)
{
    struct returned_block *block = calloc(1, sizeof(*block) + size);

    if (!block)
        abort();
    block->size = size;
    block->next = configuration->blocks;
    configuration->blocks = block;
    return block->bytes;
}

void configuration_discard(struct configuration *configuration)
{
    while (configuration->blocks) {
        struct returned_block *block = configuration->blocks;

        configuration->blocks = block->next;
        memset(block->bytes, 0xDD, block->size);
        free(block);
    }
    handle_destroy(configuration->handle);
    free(configuration);
}

static struct configuration *open_configuration(struct adapter *adapter, const char *prefix, uintptr_t who)
{
    struct configuration *configuration = calloc(1, sizeof(*configuration));

    if (!configuration)
        abort();
    configuration->adapter = adapter;
    snprintf(configuration->prefix, sizeof(configuration->prefix), "%s", prefix);
    configuration->handle = handle_create(HANDLE_CONFIGURATION, configuration, adapter, who);
    return configuration;
}

static struct configuration *configuration_from_handle(void *handle, const char *what)
{
    struct configuration *configuration = handle_object(HANDLE_CONFIGURATION, handle);

    if (!configuration)
        rule_violated("INI-29", NULL, "%s was given a %s instead of an open configuration", what, handle_describe(handle));
    return configuration;
}

/* NDIS_STATUS NdisOpenConfigurationEx(NDIS_CONFIGURATION_OBJECT *, NDIS_HANDLE *ConfigurationHandle) */
static uint64_t export_NdisOpenConfigurationEx(struct export_call *call)
{
    const nt_NDIS_CONFIGURATION_OBJECT *object = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    bool permitted = acquire_permitted("NdisOpenConfigurationEx");
    struct adapter *adapter;

    *handle = 0;
    if (!object_header_check("DRV-24", object, "NDIS_CONFIGURATION_OBJECT", NT_NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
                             NT_NDIS_CONFIGURATION_OBJECT_REVISION_1, NT_NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (handle_kind((const void *)object->NdisHandle) == HANDLE_DRIVER) {
        rule_violated("INI-28", NULL, "NdisOpenConfigurationEx was given the driver handle: no adapter keyword can be read with it");
        return NT_NDIS_STATUS_FAILURE;
    }
    adapter = adapter_from_handle((const void *)object->NdisHandle, "NdisOpenConfigurationEx");
    if (!adapter)
        return NT_NDIS_STATUS_FAILURE;
    adapter->keywords->all_withheld = !permitted;
    if (!permitted)
        return NT_NDIS_STATUS_RESOURCES;
    *handle = (uintptr_t)open_configuration(adapter, "", call->return_address)->handle;
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisCloseConfiguration(ConfigurationHandle) */
static uint64_t export_NdisCloseConfiguration(struct export_call *call)
{
    struct configuration *configuration = configuration_from_handle(arg_pointer(call), "NdisCloseConfiguration");

    if (configuration)
        configuration_discard(configuration);
    return 0;
}

/* VOID NdisOpenConfigurationKeyByName(Status, ConfigurationHandle, SubKeyName, SubKeyHandle) */
static uint64_t export_NdisOpenConfigurationKeyByName(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    struct configuration *parent = configuration_from_handle(arg_pointer(call), "NdisOpenConfigurationKeyByName");
    const void *name = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    char prefix[KEYWORD_NAME_SIZE], subkey[KEYWORD_NAME_SIZE - 2];
    struct stored_keyword *keyword;
    bool found = false;

    *status = NT_NDIS_STATUS_FAILURE;
    *handle = 0;
    if (!acquire_permitted("NdisOpenConfigurationKeyByName")) {
        *status = NT_NDIS_STATUS_RESOURCES;
        return 0;
    }
    if (!parent)
        return 0;
    nt_unicode_to_utf8(name, subkey, sizeof(subkey));
    if (strlen(parent->prefix) + strlen(subkey) + 2 > sizeof(prefix))
        return 0;
    strcpy(prefix, parent->prefix);
    strcat(prefix, subkey);
    strcat(prefix, "\\");
    /* A key exists when a keyword was given below it ("Subkey\Name"). */
    pthread_mutex_lock(&parent->adapter->keywords->mutex);
    for (keyword = parent->adapter->keywords->first; keyword && !found; keyword = keyword->next)
        found = !strncasecmp(keyword->name, prefix, strlen(prefix));
    pthread_mutex_unlock(&parent->adapter->keywords->mutex);
    if (!found)
        return 0;
    *handle = (uintptr_t)open_configuration(parent->adapter, prefix, call->return_address)->handle;
    *status = NT_NDIS_STATUS_SUCCESS;
    return 0;
}

/* Name of the index-th subkey below a prefix, in the order of the store; false when there are fewer. */
static bool subkey_by_index(struct keyword_store *store, const char *prefix, unsigned index, char *name, size_t size)
{
    char seen[16][KEYWORD_NAME_SIZE];
    unsigned seen_count = 0;
    bool found = false;

    pthread_mutex_lock(&store->mutex);
    for (struct stored_keyword *keyword = store->first; keyword && !found && seen_count < 16; keyword = keyword->next) {
        const char *rest = keyword->name + strlen(prefix), *end;
        unsigned known = 0;

        if (strncasecmp(keyword->name, prefix, strlen(prefix)) || !(end = strchr(rest, '\\')))
            continue;
        snprintf(seen[seen_count], sizeof(seen[0]), "%.*s", (int)(end - rest), rest);
        while (known < seen_count && strcasecmp(seen[known], seen[seen_count]))
            known++;
        if (known < seen_count)
            continue;
        if (seen_count++ == index) {
            snprintf(name, size, "%s", seen[index]);
            found = true;
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return found;
}

/* VOID NdisOpenConfigurationKeyByIndex(Status, ConfigurationHandle, Index, KeyName, KeyHandle) */
static uint64_t export_NdisOpenConfigurationKeyByIndex(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    struct configuration *parent = configuration_from_handle(arg_pointer(call), "NdisOpenConfigurationKeyByIndex");
    uint32_t index = arg_u32(call);
    nt_UNICODE_STRING *key_name = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    char name[KEYWORD_NAME_SIZE / 2], prefix[KEYWORD_NAME_SIZE];
    uint16_t *buffer;
    size_t units;

    *status = NT_NDIS_STATUS_FAILURE;
    *handle = 0;
    if (!acquire_permitted("NdisOpenConfigurationKeyByIndex")) {
        *status = NT_NDIS_STATUS_RESOURCES;
        return 0;
    }
    if (!parent || !subkey_by_index(parent->adapter->keywords, parent->prefix, index, name, sizeof(name)))
        return 0;
    if (strlen(parent->prefix) + strlen(name) + 2 > sizeof(prefix))
        return 0;
    strcpy(prefix, parent->prefix);
    strcat(prefix, name);
    strcat(prefix, "\\");
    buffer = return_block(parent, strlen(name) * 2 + 2);
    units = nt_utf8_to_utf16(name, buffer, strlen(name) + 1);
    key_name->Length = (uint16_t)(units * 2);
    key_name->MaximumLength = (uint16_t)(units * 2 + 2);
    key_name->Buffer = (uintptr_t)buffer;
    *handle = (uintptr_t)open_configuration(parent->adapter, prefix, call->return_address)->handle;
    *status = NT_NDIS_STATUS_SUCCESS;
    return 0;
}

/* ---- values ---- */

/* Values that NdisReadConfiguration answers for every adapter although no INF writes them. */
static const char *built_in_value(const char *name)
{
    static const struct keyword values[] = {{"Environment", "1"}, {"ProcessorType", "0"}, {"NdisVersion", "393236"}}; /* 0x60014: 6.20 */

    for (size_t index = 0; index < sizeof(values) / sizeof(values[0]); index++) {
        if (!strcasecmp(values[index].name, name))
            return values[index].value;
    }
    return NULL;
}

static void read_string(struct configuration *configuration, const char *text, nt_NDIS_CONFIGURATION_PARAMETER *parameter)
{
    nt_UNICODE_STRING *string = (nt_UNICODE_STRING *)parameter->ParameterData_StringData;
    size_t units = strlen(text);
    uint16_t *buffer = return_block(configuration, units * 2 + 2);

    units = nt_utf8_to_utf16(text, buffer, units + 1);
    string->Length = (uint16_t)(units * 2);
    string->MaximumLength = (uint16_t)(units * 2 + 2);
    string->Buffer = (uintptr_t)buffer;
    parameter->ParameterType = NT_NdisParameterString;
}

/* INF-02: REG_SZ digits become a number only when a number is asked for. An unreadable text gives failure, as RtlUnicodeStringToInteger. */
static bool read_integer(const char *text, int base, nt_NDIS_CONFIGURATION_PARAMETER *parameter)
{
    char *end;
    unsigned long long value = strtoull(text, &end, base);

    if (end == text)
        return false;
    parameter->ParameterType = base == 16 ? NT_NdisParameterHexInteger : NT_NdisParameterInteger;
    parameter->ParameterData_IntegerData = (uint32_t)value;
    return true;
}

static void note_asked_for(const struct adapter *adapter, const char *keyword, bool withheld)
{
    pthread_mutex_lock(&adapter->keywords->mutex);
    struct stored_keyword *found = store_find(adapter->keywords, keyword);
    if (found) {
        found->asked_for = true;
        found->withheld = withheld;
    }
    pthread_mutex_unlock(&adapter->keywords->mutex);
}

bool adapter_keyword_was_read(const struct adapter *adapter, const char *keyword)
{
    pthread_mutex_lock(&adapter->keywords->mutex);
    const struct stored_keyword *found = store_find(adapter->keywords, keyword);
    bool asked_for = found && found->asked_for;
    pthread_mutex_unlock(&adapter->keywords->mutex);
    return asked_for;
}

/* VOID NdisReadConfiguration(Status, ParameterValue, ConfigurationHandle, Keyword, ParameterType) */
static uint64_t export_NdisReadConfiguration(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    uintptr_t *value = arg_pointer(call);
    struct configuration *configuration = configuration_from_handle(arg_pointer(call), "NdisReadConfiguration");
    const void *keyword = arg_pointer(call);
    uint32_t type = arg_u32(call);
    nt_NDIS_CONFIGURATION_PARAMETER *parameter;
    char name[KEYWORD_NAME_SIZE], path[2 * KEYWORD_NAME_SIZE];
    const char *text;
    bool expected = false, good = false;

    *status = NT_NDIS_STATUS_FAILURE;
    *value = 0;
    bool permitted = acquire_permitted("NdisReadConfiguration");
    if (!configuration)
        return 0;
    if (!atomic_compare_exchange_strong(&configuration->busy, &expected, true))
        rule_violated("INI-31", NULL, "NdisReadConfiguration entered while another call uses the same configuration");
    nt_unicode_to_utf8(keyword, name, sizeof(name));
    snprintf(path, sizeof(path), "%s%s", configuration->prefix, name);
    note_asked_for(configuration->adapter, path, !permitted);
    text = permitted ? configuration_text(configuration->adapter, path) : NULL;
    if (!text && permitted)
        text = built_in_value(name);
    if (text) {
        parameter = return_block(configuration, sizeof(*parameter));
        switch (type) {
        case NT_NdisParameterInteger:
            good = read_integer(text, 10, parameter);
            break;
        case NT_NdisParameterHexInteger:
            good = read_integer(text, 16, parameter);
            break;
        case NT_NdisParameterString:
        case NT_NdisParameterMultiString:
            read_string(configuration, text, parameter);
            good = true;
            break;
        default:
            rule_violated("INF-02", NULL, "NdisReadConfiguration(\"%s\"): ParameterType %u is not defined for reading", name, type);
        }
        if (good) {
            *value = (uintptr_t)parameter;
            *status = NT_NDIS_STATUS_SUCCESS;
        }
    }
    if (!permitted)
        *status = NT_NDIS_STATUS_RESOURCES;
    TRACE("ndis", "NdisReadConfiguration \"%s\" = %s", path, good ? text : permitted ? "(none)" : "(refused)");
    atomic_store(&configuration->busy, false);
    return 0;
}

/* VOID NdisWriteConfiguration(Status, ConfigurationHandle, Keyword, ParameterValue) */
static uint64_t export_NdisWriteConfiguration(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    struct configuration *configuration = configuration_from_handle(arg_pointer(call), "NdisWriteConfiguration");
    const void *keyword = arg_pointer(call);
    const nt_NDIS_CONFIGURATION_PARAMETER *parameter = arg_pointer(call);
    char name[KEYWORD_NAME_SIZE], path[2 * KEYWORD_NAME_SIZE], text[KEYWORD_VALUE_SIZE];

    *status = NT_NDIS_STATUS_FAILURE;
    if (!acquire_permitted("NdisWriteConfiguration")) {
        *status = NT_NDIS_STATUS_RESOURCES;
        return 0;
    }
    if (!configuration)
        return 0;
    nt_unicode_to_utf8(keyword, name, sizeof(name));
    if (name[0] == '*')
        rule_violated("OFF-13", NULL, "NdisWriteConfiguration(\"%s\"): standardized keywords are not the driver's to write", name);
    snprintf(path, sizeof(path), "%s%s", configuration->prefix, name);
    switch (parameter->ParameterType) {
    case NT_NdisParameterInteger:
        snprintf(text, sizeof(text), "%u", parameter->ParameterData_IntegerData);
        break;
    case NT_NdisParameterHexInteger:
        snprintf(text, sizeof(text), "%x", parameter->ParameterData_IntegerData);
        break;
    case NT_NdisParameterString:
        nt_unicode_to_utf8(parameter->ParameterData_StringData, text, sizeof(text));
        break;
    default:
        *status = NT_NDIS_STATUS_NOT_SUPPORTED;
        return 0;
    }
    store_set(configuration->adapter->keywords, path, text);
    *status = NT_NDIS_STATUS_SUCCESS;
    return 0;
}

/* VOID NdisReadNetworkAddress(Status, NetworkAddress, NetworkAddressLength, ConfigurationHandle) */
static uint64_t export_NdisReadNetworkAddress(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    uintptr_t *address = arg_pointer(call);
    uint32_t *length = arg_pointer(call);
    struct configuration *configuration = configuration_from_handle(arg_pointer(call), "NdisReadNetworkAddress");
    const char *text;
    unsigned char *bytes;
    unsigned digits = 0;

    *status = NT_NDIS_STATUS_FAILURE;
    *address = 0;
    *length = 0;
    if (!acquire_permitted("NdisReadNetworkAddress")) {
        *status = NT_NDIS_STATUS_RESOURCES;
        return 0;
    }
    if (!configuration)
        return 0;
    text = configuration_text(configuration->adapter, "NetworkAddress");
    if (!text || !*text)
        return 0;
    /* Two hexadecimal digits a byte, with or without dashes or colons between them. Not checked further: that is the driver's (INI-33). */
    bytes = return_block(configuration, strlen(text) / 2 + 1);
    for (; *text; text++) {
        static const char hexadecimal[] = "0123456789abcdef";
        const char *digit = strchr(hexadecimal, *text | 0x20);

        if (*text == '-' || *text == ':')
            continue;
        if (!digit || !((*text >= '0' && *text <= '9') || ((*text | 0x20) >= 'a' && (*text | 0x20) <= 'f')))
            return 0;
        bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | (digit - hexadecimal));
        digits++;
    }
    *address = (uintptr_t)bytes;
    *length = digits / 2;
    *status = NT_NDIS_STATUS_SUCCESS;
    return 0;
}

const struct export_row ndis_configuration_exports[] = {
    EXPORT(NdisOpenConfigurationEx),        EXPORT(NdisCloseConfiguration),
    EXPORT(NdisOpenConfigurationKeyByName), EXPORT(NdisOpenConfigurationKeyByIndex),
    EXPORT(NdisReadConfiguration),          EXPORT(NdisWriteConfiguration),
    EXPORT(NdisReadNetworkAddress),         EXPORT_END,
};

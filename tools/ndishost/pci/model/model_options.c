/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_options.c - the properties of a model device as text, their defaults and limits. */
#include "model_device.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_constants.h"
#include "model_faults.h"
#include "model_features.h"
#include "model_layout.h"

struct parse {
    struct model_options *options;
    char *error;
    size_t error_size;
};

static bool refuse(const struct parse *parse, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(const struct parse *parse, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parse->error, parse->error_size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- defaults ---- */

void model_options_default(struct model_options *options)
{
    *options = (struct model_options){
        .layout = MODEL_LAYOUT_QEMU,
        .features = model_features_default(),
        .queue_sizes = {256, 256, 64},
        .pairs = 1,
        .vectors = 4,
        .multiplier = MODEL_MULTIPLIER_OF_LAYOUT,
        .mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
        .mtu = 1500,
        .speed = 10000,
        .duplex = 1,
        .revision = CONTRACT_REVISION,
        .subsystem_vendor = VIRTIO_VENDOR_ID,
        .subsystem = 0x1100,
        .receive_sums = MODEL_SUMS_MIXED,
    };
}

static void contract_choose(struct model_options *options)
{
    options->layout = MODEL_LAYOUT_CONTRACT;
    options->features = model_features_contract();
    options->vectors = 0;
    options->subsystem = CONTRACT_SUBSYSTEM;
}

/* QEMU's: id 1000, revision 0, the device type as subsystem. */
static void transitional_choose(struct model_options *options)
{
    options->transitional = true;
    options->revision = 0;
    options->subsystem = TRANSITIONAL_SUBSYSTEM;
}

bool model_options_is_contract(const struct model_options *options)
{
    bool has_layout = options->layout == MODEL_LAYOUT_CONTRACT && options->moved == MODEL_MOVED_NONE &&
                      (options->multiplier == MODEL_MULTIPLIER_OF_LAYOUT || options->multiplier == 4);
    bool claims = options->subsystem_vendor == VIRTIO_VENDOR_ID && options->subsystem == CONTRACT_SUBSYSTEM;
    return !options->transitional && options->revision == CONTRACT_REVISION && (has_layout || claims);
}

bool model_options_expect_failure(const struct model_options *options)
{
    for (unsigned i = 0; i < options->fault_count; i++) {
        if (model_fault_list()[options->faults[i].kind].breaks)
            return true;
    }
    return false;
}

bool model_options_expect_loss(const struct model_options *options)
{
    for (unsigned i = 0; i < options->fault_count; i++) {
        if (!model_fault_list()[options->faults[i].kind].harmless)
            return true;
    }
    return false;
}

/* ---- values ---- */

static bool number_parse(const struct parse *parse, const char *name, const char *text, uint64_t low, uint64_t high, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 0);
    if (isdigit((unsigned char)*text) && !*end && !errno && *value >= low && *value <= high)
        return true;
    return refuse(parse, "%s of the model device wants a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", name, low, high, text);
}

static bool choice_parse(const struct parse *parse, const char *name, const char *text, const char *const *choices, unsigned *index)
{
    char list[128] = "";
    for (unsigned i = 0; choices[i]; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *index = i;
            return true;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", choices[i]);
    }
    return refuse(parse, "%s of the model device is one of %s, not \"%s\"", name, list, text);
}

static bool features_parse(const struct parse *parse, const char *text)
{
    size_t length = strcspn(text, "+-");
    uint64_t features = 0;
    char set[24] = "";
    if (length < sizeof set)
        memcpy(set, text, length);
    char *end;
    if (!strcmp(set, "default")) {
        features = model_features_default();
    } else if (!strcmp(set, "contract")) {
        features = model_features_contract();
    } else if (!strcmp(set, "all")) {
        features = model_features_all();
    } else if (length && strcmp(set, "none") != 0) {
        features = strtoull(set, &end, 0);
        if (!isdigit((unsigned char)set[0]) || *end)
            return refuse(parse, "features of the model device start with none, default, all, contract or a number, not \"%.*s\"",
                          (int)length, text);
    }
    for (text += length; *text; text += length) {
        bool add = *text++ == '+';
        length = strcspn(text, "+-");
        int bit = model_feature_find(text, length);
        if (bit < 0)
            return refuse(parse, "there is no feature \"%.*s\": write a name of the specification in small letters, or bitN", (int)length,
                          text);
        features = add ? features | FEATURE_BIT(bit) : features & ~FEATURE_BIT(bit);
    }
    parse->options->features = features;
    return true;
}

static bool queue_parse(const struct parse *parse, const char *text)
{
    uint16_t sizes[3];
    unsigned count = 0;
    for (const char *at = text;; at++) {
        char *end;
        unsigned long size = strtoul(at, &end, 10);
        if (!isdigit((unsigned char)*at) || size == 0 || size > QUEUE_SIZE_MAX || (size & (size - 1)) || count == 3)
            return refuse(parse, "queue of the model device wants powers of two from 1 to 32768 as RX/TX/CONTROL, not \"%s\"", text);
        sizes[count++] = (uint16_t)size;
        at = end;
        if (!*at)
            break;
        if (*at != '/')
            return refuse(parse, "queue of the model device wants powers of two from 1 to 32768 as RX/TX/CONTROL, not \"%s\"", text);
    }
    parse->options->queue_sizes[0] = sizes[0];
    parse->options->queue_sizes[1] = count > 1 ? sizes[1] : sizes[0];
    parse->options->queue_sizes[2] = count > 2 ? sizes[2] : count > 1 ? parse->options->queue_sizes[2] : sizes[0];
    return true;
}

static bool mac_parse(const struct parse *parse, const char *text)
{
    unsigned bytes[6];
    int used = 0;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &used) != 6 ||
        (size_t)used != strlen(text))
        return refuse(parse, "mac wants six bytes as 52:54:00:12:34:56, not \"%s\"", text);
    for (unsigned i = 0; i < 6; i++)
        parse->options->mac[i] = (uint8_t)bytes[i];
    return true;
}

static bool fault_parse(const struct parse *parse, const char *text)
{
    char name[64] = "";
    uint64_t at = 1;
    size_t length = strcspn(text, "@");
    if (length < sizeof name)
        memcpy(name, text, length);
    int kind = model_fault_find(name);
    if (kind < 0)
        return refuse(parse, "the model device knows no misbehaviour \"%.*s\"", (int)length, text);
    if (text[length] && !number_parse(parse, "fault=NAME@N", text + length + 1, 1, UINT32_MAX, &at))
        return false;
    if (parse->options->fault_count == MODEL_FAULTS_MAX)
        return refuse(parse, "the model device takes at most %u misbehaviours", (unsigned)MODEL_FAULTS_MAX);
    parse->options->faults[parse->options->fault_count++] = (struct model_fault_choice){(unsigned)kind, at};
    return true;
}

/* ---- properties ---- */

static const char *const moved_names[] = {"none", "common", "notify", "isr", "device", NULL};

static bool choice_property(const struct parse *parse, const char *name, const char *value, bool *known)
{
    static const char *const layouts[] = {"contract", "qemu", "spread", "random", NULL};
    static const char *const sums[] = {"plain", "valid", "partial", "mixed", NULL};
    static const char *const links[] = {"up", "down", NULL}, *const answers[] = {"yes", "no", NULL};
    struct model_options *options = parse->options;
    unsigned index = 0;
    bool good = false;
    *known = true;
    if (!strcmp(name, "layout")) {
        good = choice_parse(parse, name, value, layouts, &index);
        options->layout = good ? (enum model_layout_kind)index : options->layout;
    } else if (!strcmp(name, "sums")) {
        good = choice_parse(parse, name, value, sums, &index);
        options->receive_sums = good ? (enum model_receive_sums)index : options->receive_sums;
    } else if (!strcmp(name, "move")) {
        good = choice_parse(parse, name, value, moved_names, &index);
        options->moved = good ? (enum model_moved)index : options->moved;
    } else if (!strcmp(name, "link")) {
        good = choice_parse(parse, name, value, links, &index);
        options->link_down = index == 1;
    } else if (!strcmp(name, "verify")) {
        good = choice_parse(parse, name, value, answers, &index);
        options->trust_sums = index == 1;
    } else {
        *known = false;
    }
    return good;
}

static bool number_property(const struct parse *parse, const char *name, const char *text, bool *known)
{
    static const struct {
        const char *name;
        uint64_t low, high;
    } limits[] = {
        {"vectors", 0, MSIX_VECTORS_MAX},
        {"seed", 0, UINT64_MAX},
        {"pairs", 1, MODEL_PAIRS_MAX},
        {"mtu", NET_MTU_MIN, 65535},
        {"multiplier", 0, 1 << 20},
        {"speed", 0, UINT32_MAX},
        {"duplex", 0, 255},
        {"revision", 0, 255},
        {"subsystem", 0, 65535},
    };
    struct model_options *options = parse->options;
    unsigned index = 0;
    uint64_t value;
    while (index < sizeof limits / sizeof *limits && strcmp(name, limits[index].name) != 0)
        index++;
    *known = index < sizeof limits / sizeof *limits;
    if (!*known || !number_parse(parse, name, text, limits[index].low, limits[index].high, &value))
        return false;
    switch (index) {
    case 0:
        options->vectors = (unsigned)value;
        break;
    case 1:
        options->seed = value;
        break;
    case 2:
        options->pairs = (uint16_t)value;
        break;
    case 3:
        options->mtu = (uint16_t)value;
        break;
    case 4:
        options->multiplier = (uint32_t)value;
        break;
    case 5:
        options->speed = (uint32_t)value;
        break;
    case 6:
        options->duplex = (uint8_t)value;
        break;
    case 7:
        options->revision = (uint8_t)value;
        break;
    default:
        options->subsystem = (uint16_t)value;
        break;
    }
    return true;
}

static bool property_parse(const struct parse *parse, const char *name, const char *value)
{
    bool known;
    if (!strcmp(name, "features"))
        return features_parse(parse, value);
    if (!strcmp(name, "queue"))
        return queue_parse(parse, value);
    if (!strcmp(name, "mac"))
        return mac_parse(parse, value);
    if (!strcmp(name, "fault"))
        return fault_parse(parse, value);
    bool good = choice_property(parse, name, value, &known);
    if (!known)
        good = number_property(parse, name, value, &known);
    if (!known)
        return refuse(
            parse,
            "the model device has no property \"%s\": it knows features, layout, move, queue, vectors, seed, pairs, mtu, multiplier, mac, "
            "speed, duplex, revision, subsystem, link, sums, verify and fault",
            name);
    return good;
}

bool model_options_parse(const char *text, struct model_options *options, char *error, size_t error_size)
{
    const struct parse parse = {options, error, error_size};
    char copy[1024], *rest = NULL;
    bool random = false, transitional = false;
    model_options_default(options);
    if (strlen(text) >= sizeof copy)
        return refuse(&parse, "the properties of the model device are too long");
    if (*text && *text != ':' && *text != ',')
        return refuse(&parse, "what follows model starts with a colon, not \"%s\"", text);
    strcpy(copy, *text ? text + 1 : text);
    for (char *word = strtok_r(copy, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(word, '=');
        if (!strcmp(word, "contract")) {
            contract_choose(options);
        } else if (!strcmp(word, "random")) {
            random = true;
        } else if (!strcmp(word, "transitional")) {
            transitional = true;
            transitional_choose(options);
        } else if (!value) {
            return refuse(&parse, "model device property \"%s\" has no value: write %s=VALUE", word, word);
        } else {
            *value++ = 0;
            if (!property_parse(&parse, word, value))
                return false;
        }
    }
    if (random) {
        struct model_options chosen;
        model_options_random(&chosen, options->seed);
        memcpy(chosen.mac, options->mac, sizeof chosen.mac);
        memcpy(chosen.faults, options->faults, sizeof chosen.faults);
        chosen.fault_count = options->fault_count;
        chosen.receive_sums = options->receive_sums;
        chosen.trust_sums = options->trust_sums;
        chosen.link_down = options->link_down;
        *options = chosen;
        if (transitional)
            transitional_choose(options);
    }
    return model_options_check(options, error, error_size);
}

/* ---- limits ---- */

bool model_options_check(const struct model_options *options, char *error, size_t error_size)
{
    const struct parse parse = {NULL, error, error_size};
    struct model_layout layout;
    unsigned cursor = 0;
    const struct model_dependency *unmet = model_features_unmet(options->features, &cursor);
    if (unmet)
        return refuse(&parse, "a device that offers %s has to offer what it needs, too", model_feature_name(unmet->feature));
    if (options->mac[0] & 1)
        return refuse(&parse, "the address of an adapter is not a multicast address");
    if (options->vectors > MSIX_VECTORS_MAX)
        return refuse(&parse, "an MSI-X table has at most 2048 entries");
    if (options->pairs == 0 || options->pairs > MODEL_PAIRS_MAX)
        return refuse(&parse, "pairs wants a number from 1 to %u", (unsigned)MODEL_PAIRS_MAX);
    for (unsigned i = 0; i < 3; i++) {
        uint16_t size = options->queue_sizes[i];
        if (size == 0 || size > QUEUE_SIZE_MAX || (size & (size - 1)))
            return refuse(&parse, "queue size %u is not a power of two from 1 to 32768", size);
    }
    if (options->multiplier != MODEL_MULTIPLIER_OF_LAYOUT && options->multiplier &&
        (options->multiplier & (options->multiplier - 1) || options->multiplier == 1))
        return refuse(&parse, "multiplier is 0 or a power of two above 1");
    if (options->moved && options->layout != MODEL_LAYOUT_CONTRACT)
        return refuse(&parse, "move is about layout=contract: only there a structure has a place of its own");
    for (unsigned i = 0; i < options->fault_count; i++) {
        if (options->faults[i].kind >= FAULT_KINDS || options->faults[i].at == 0)
            return refuse(&parse, "misbehaviour %u does not exist", options->faults[i].kind);
    }
    return model_layout_build(&layout, options, error, error_size);
}

/* ---- back to text ---- */

const char *model_options_text(const struct model_options *options, char *buffer, size_t size)
{
    static const char *const layouts[] = {"contract", "qemu", "spread", "random"}, *const sums[] = {"plain", "valid", "partial", "mixed"};
    const uint8_t *mac = options->mac;
    size_t length = 0;
    int added = snprintf(
        buffer, size,
        ":%sfeatures=0x%" PRIx64 ",layout=%s,queue=%u/%u/%u,vectors=%u,seed=%" PRIu64
        ",pairs=%u,mtu=%u,mac=%02x:%02x:%02x:%02x:%02x:%02x,speed=%u,duplex=%u,revision=%u,subsystem=0x%04x,link=%s,sums=%s,verify=%s",
        options->transitional ? "transitional," : "", options->features, layouts[options->layout], options->queue_sizes[0],
        options->queue_sizes[1], options->queue_sizes[2], options->vectors, options->seed, options->pairs, options->mtu, mac[0], mac[1],
        mac[2], mac[3], mac[4], mac[5], options->speed, options->duplex, options->revision, options->subsystem,
        options->link_down ? "down" : "up", sums[options->receive_sums], options->trust_sums ? "no" : "yes");
    length += added > 0 ? (size_t)added : 0;
    if (options->multiplier != MODEL_MULTIPLIER_OF_LAYOUT && length < size) {
        added = snprintf(buffer + length, size - length, ",multiplier=%u", options->multiplier);
        length += added > 0 ? (size_t)added : 0;
    }
    if (options->moved && length < size) {
        added = snprintf(buffer + length, size - length, ",move=%s", moved_names[options->moved]);
        length += added > 0 ? (size_t)added : 0;
    }
    for (unsigned i = 0; i < options->fault_count && length < size; i++) {
        added = snprintf(buffer + length, size - length, ",fault=%s@%" PRIu64, model_fault_list()[options->faults[i].kind].name,
                         options->faults[i].at);
        length += added > 0 ? (size_t)added : 0;
    }
    return buffer;
}

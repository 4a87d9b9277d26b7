/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* options.c - parses `ndishost run` and `ndishost info`. */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/help.h"

/* ---- refusals ---- */

static bool refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool refuse(const char *format, ...)
{
    va_list arguments;
    fputs("ndishost: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return false;
}

/* ---- values ---- */

static bool parse_count(const char *option, const char *text, unsigned low, unsigned high, unsigned *value)
{
    char *end;
    errno = 0;
    unsigned long parsed = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || parsed < low || parsed > high)
        return refuse("%s wants a number from %u to %u, not \"%s\"", option, low, high, text);
    *value = (unsigned)parsed;
    return true;
}

static bool parse_seconds(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    if (end == text || *end || !(*value > 0) || *value > 1e7)
        return refuse("--for wants a number of seconds above 0, not \"%s\"", text);
    return true;
}

static bool parse_choice(const char *option, const char *text, const char *const *choices, unsigned *index)
{
    char list[128] = "";
    for (unsigned i = 0; choices[i]; ++i) {
        if (strcmp(text, choices[i]) == 0) {
            *index = i;
            return true;
        }
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", choices[i]);
    }
    return refuse("%s is one of %s, not \"%s\"", option, list, text);
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    unsigned bytes[6];
    int used = 0;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5], &used) != 6 ||
        (size_t)used != strlen(text))
        return refuse("mac wants six bytes as 52:54:00:12:34:56, not \"%s\"", text);
    if (bytes[0] & 1)
        return refuse("mac %s is a multicast address, which no adapter has", text);
    for (int i = 0; i < 6; ++i)
        mac[i] = (uint8_t)bytes[i];
    return true;
}

/* ---- --device ---- */

/* One NAME=VALUE of qemu: the MAC is ours to hand out, everything else is QEMU's to judge. */
static bool qemu_property(struct run_options *options, const char *property)
{
    if (strncmp(property, "mac=", 4) == 0)
        return parse_mac(property + 4, options->mac);
    size_t used = strlen(options->properties);
    if (used + strlen(property) + 2 > sizeof(options->properties))
        return refuse("--device has too many properties");
    snprintf(options->properties + used, sizeof(options->properties) - used, "%s%s", used ? "," : "", property);
    return true;
}

static bool minimal_property(struct run_options *options, const char *property)
{
    struct minimal_device_options *minimal = &options->minimal;
    if (strncmp(property, "mac=", 4) == 0)
        return parse_mac(property + 4, options->mac);
    if (strncmp(property, "vectors=", 8) == 0)
        return parse_count("vectors of the minimal device", property + 8, 0, 8, &minimal->vectors);
    if (strncmp(property, "queue_size=", 11) == 0)
        return parse_count("queue_size of the minimal device", property + 11, 2, 32768, &minimal->queue_size);
    if (strncmp(property, "features=", 9) == 0) {
        char *end;
        minimal->features = strtoull(property + 9, &end, 0);
        if (end != property + 9 && !*end && minimal->features)
            return true;
        return refuse("features of the minimal device wants a mask as 0x110000020, not \"%s\"", property + 9);
    }
    return refuse("the minimal device has no property \"%s\": it knows vectors, queue_size, features and mac", property);
}

/* "FILE.so[,OPTIONS]": the options are the plugin's own, down to their commas. */
static bool parse_plugin(struct run_options *options, const char *argument)
{
    size_t length = strcspn(argument, ",");
    if (length == 0)
        return refuse("--device plugin wants a shared object: plugin:FILE.so[,OPTIONS]");
    if (length >= sizeof(options->plugin))
        return refuse("--device plugin: the name of the file is too long");
    options->device = DEVICE_PLUGIN;
    snprintf(options->plugin, sizeof(options->plugin), "%.*s", (int)length, argument);
    options->plugin_options = argument[length] ? argument + length + 1 : "";
    return true;
}

static bool parse_device(struct run_options *options, const char *argument)
{
    char text[512];
    if (strcmp(argument, "none") == 0) {
        options->device = DEVICE_NONE;
        return true;
    }
    if (strncmp(argument, "plugin", 6) == 0 && strchr(":,", argument[6]))
        return parse_plugin(options, argument[6] == ':' ? argument + 7 : "");
    if (strlen(argument) >= sizeof(text))
        return refuse("--device is too long");
    strcpy(text, argument);
    char *rest, *name = strtok_r(text, ",", &rest);
    char *variant = name ? strchr(name, ':') : NULL;
    if (variant)
        *variant++ = 0;
    if (!name || argument[0] == ',')
        return refuse("--device wants a device: qemu, minimal, plugin:FILE.so or none");
    if (strcmp(name, "qemu") == 0) {
        options->device = DEVICE_QEMU;
        if (variant && strcmp(variant, "transitional") != 0)
            return refuse("--device qemu knows the variant \"transitional\", not \"%s\"", variant);
        options->transitional = variant != NULL;
    } else if (strcmp(name, "minimal") == 0) {
        options->device = DEVICE_MINIMAL;
        if (variant && strcmp(variant, "contract") != 0)
            return refuse("--device minimal knows the variant \"contract\", not \"%s\"", variant);
        options->minimal.contract = variant != NULL;
    } else {
        return refuse("--device is qemu, minimal, plugin:FILE.so or none, not \"%s\"", name);
    }
    for (char *property; (property = strtok_r(NULL, ",", &rest)) != NULL;) {
        if (!strchr(property, '='))
            return refuse("device property \"%s\" has no value: write %s=VALUE", property, property);
        if (!(options->device == DEVICE_QEMU ? qemu_property(options, property) : minimal_property(options, property)))
            return false;
    }
    return true;
}

/* ---- the other structured ones ---- */

static bool parse_interrupts(struct run_options *options, const char *text)
{
    if (strncmp(text, "msix:", 5) == 0) {
        options->interrupts = ADAPTER_INTERRUPTS_MESSAGES;
        return parse_count("--interrupts msix:N", text + 5, 1, 2048, &options->message_limit);
    }
    static const char *const names[] = {"auto", "intx", "msix", NULL};
    static const enum adapter_interrupts kinds[] = {ADAPTER_INTERRUPTS_AUTO, ADAPTER_INTERRUPTS_LINE, ADAPTER_INTERRUPTS_MESSAGES};
    unsigned index;
    if (!parse_choice("--interrupts", text, names, &index))
        return false;
    options->interrupts = kinds[index];
    return true;
}

static bool parse_keyword(struct run_options *options, const char *text)
{
    char error[256];
    return keyword_list_set(&options->keywords, text, error, sizeof(error)) || refuse("%s", error);
}

/* ---- run ---- */

enum run_option {
    OPTION_DEVICE = 256,
    OPTION_MACHINE,
    OPTION_NET,
    OPTION_REFEREE,
    OPTION_INTERRUPTS,
    OPTION_SET,
    OPTION_INF,
    OPTION_FILES,
    OPTION_ADAPTERS,
    OPTION_CPUS,
    OPTION_FOR,
    OPTION_ROUNDS,
    OPTION_EXEC,
    OPTION_PEER_EXEC,
    OPTION_PCAP,
    OPTION_JSON,
    OPTION_TRACE,
    OPTION_DIAG,
    OPTION_GUARD_PAGES,
};

static const struct option run_long_options[] = {
    {"device", required_argument, NULL, OPTION_DEVICE},
    {"machine", required_argument, NULL, OPTION_MACHINE},
    {"net", required_argument, NULL, OPTION_NET},
    {"referee", no_argument, NULL, OPTION_REFEREE},
    {"interrupts", required_argument, NULL, OPTION_INTERRUPTS},
    {"set", required_argument, NULL, OPTION_SET},
    {"inf", required_argument, NULL, OPTION_INF},
    {"files", required_argument, NULL, OPTION_FILES},
    {"adapters", required_argument, NULL, OPTION_ADAPTERS},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"for", required_argument, NULL, OPTION_FOR},
    {"rounds", required_argument, NULL, OPTION_ROUNDS},
    {"exec", required_argument, NULL, OPTION_EXEC},
    {"peer-exec", required_argument, NULL, OPTION_PEER_EXEC},
    {"pcap", required_argument, NULL, OPTION_PCAP},
    {"json", required_argument, NULL, OPTION_JSON},
    {"trace", no_argument, NULL, OPTION_TRACE},
    {"diag", no_argument, NULL, OPTION_DIAG},
    {"guard-pages", no_argument, NULL, OPTION_GUARD_PAGES},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What each of two drivers has of its own. */
static bool is_driver_option(int option)
{
    return option == OPTION_DEVICE || option == OPTION_MACHINE || option == OPTION_INTERRUPTS || option == OPTION_SET ||
           option == OPTION_INF || option == OPTION_ADAPTERS;
}

static const char *option_name(int option)
{
    const struct option *row = run_long_options;
    while (row->val != option)
        ++row;
    return row->name;
}

static bool take_run_option(struct run_options *options, int option, const char *value)
{
    static const char *const machines[] = {"pc", "q35", NULL}, *const networks[] = {"tap", "user", NULL};
    unsigned index;
    switch (option) {
    case OPTION_DEVICE:
        return parse_device(options, value);
    case OPTION_MACHINE:
        if (!parse_choice("--machine", value, machines, &index))
            return false;
        options->machine = machines[index];
        return true;
    case OPTION_NET:
        if (!parse_choice("--net", value, networks, &index))
            return false;
        options->network = index == 0 ? NETWORK_TAP : NETWORK_USER;
        return true;
    case OPTION_REFEREE:
        options->referee = true;
        return true;
    case OPTION_INTERRUPTS:
        return parse_interrupts(options, value);
    case OPTION_SET:
        return parse_keyword(options, value);
    case OPTION_INF:
        options->inf = value;
        return true;
    case OPTION_FILES:
        options->files = value;
        return true;
    case OPTION_ADAPTERS:
        return parse_count("--adapters", value, 1, RUN_ADAPTERS_MAX, &options->adapters);
    case OPTION_CPUS:
        return parse_count("--cpus", value, 1, RUN_PROCESSORS_MAX, &options->processors);
    case OPTION_FOR:
        return parse_seconds(value, &options->seconds);
    case OPTION_ROUNDS:
        return parse_count("--rounds", value, 1, 1000000, &options->rounds);
    case OPTION_EXEC:
        options->exec = value;
        return true;
    case OPTION_PEER_EXEC:
        options->peer_exec = value;
        return true;
    case OPTION_PCAP:
        options->pcap = value;
        return true;
    case OPTION_JSON:
        options->json = value;
        return true;
    case OPTION_TRACE:
        options->trace = true;
        return true;
    case OPTION_DIAG:
        options->diag = true;
        return true;
    default:
        options->guard_pages = true;
        return true;
    }
}

/* What no single option can know. */
static bool check_run_options(const struct run_options *options)
{
    if (options->rounds && (options->exec || options->peer_exec || options->seconds > 0 || options->pcap))
        return refuse("--rounds moves no traffic: it does not go with --exec, --peer-exec, --for or --pcap");
    const struct run_options *also = options->also;
    if (also && options->adapters + also->adapters > RUN_ADAPTERS_MAX)
        return refuse("--adapters: at most %u of both drivers together", (unsigned)RUN_ADAPTERS_MAX);
    if (also && (options->device == DEVICE_NONE || also->device == DEVICE_NONE))
        return refuse("--device none connects the adapters of one driver: it does not go with a second one");
    if (also && options->network == NETWORK_USER && also->device == DEVICE_PLUGIN)
        return refuse("--net user is QEMU's: a plugin's cable ends in the peer's namespace (--net tap)");
    if (options->device == DEVICE_MINIMAL && (!also || also->device == DEVICE_MINIMAL) && options->peer_exec)
        return refuse("the minimal device is connected to nothing: --peer-exec needs --device qemu");
    if (options->referee && (options->network == NETWORK_USER || options->device == DEVICE_NONE))
        return refuse("--referee lies between a device and the peer's namespace: it needs --net tap and a device");
    if (options->device == DEVICE_NONE && options->network == NETWORK_USER)
        return refuse("--net user is QEMU's: without devices, adapters 0 and 1 stand in guest and peer (--net tap)");
    if (options->device == DEVICE_PLUGIN && options->network == NETWORK_USER)
        return refuse("--net user is QEMU's: a plugin's cable ends in the peer's namespace (--net tap)");
    return true;
}

/* The unknown or incomplete option that getopt stopped at. */
static enum options_outcome refuse_option(int option, char **argv, const char *command)
{
    const char *word = argv[optind - 1];
    if (option == ':')
        refuse("%s wants a value (ndishost %s --help)", word, command);
    else if (optopt && optopt < 256)
        refuse("unknown option -%c (ndishost %s --help)", optopt, command);
    else if (optopt)
        refuse("%s takes no value (ndishost %s --help)", word, command);
    else
        refuse("unknown option %s (ndishost %s --help)", word, command);
    return OPTIONS_REFUSED;
}

/* Exactly one operand. */
static const char *take_image(int argc, char **argv, const char *command)
{
    if (optind == argc)
        refuse("which image? ndishost %s IMAGE.sys (ndishost %s --help)", command, command);
    else if (optind + 1 < argc)
        refuse("one image at a time: what is \"%s\"? (ndishost %s --help)", argv[optind + 1], command);
    else
        return argv[optind];
    return NULL;
}

/* One driver's words; argv[0] is not looked at. `second`: what is about the whole run is refused. */
static enum options_outcome parse_driver(struct run_options *options, int argc, char **argv, bool second)
{
    *options = (struct run_options){
        .mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
        .machine = "pc",
        .message_limit = RUN_MESSAGES_DEFAULT,
        .processors = 2,
    };
    opterr = 0;
    optind = 0; /* getopt forgets an earlier list of words */
    for (int option; (option = getopt_long(argc, argv, ":h", run_long_options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help_run, stdout);
            return OPTIONS_HELPED;
        }
        if (option == '?' || option == ':')
            return refuse_option(option, argv, "run");
        if (second && !is_driver_option(option)) {
            refuse("--%s is about the whole run: it belongs before the --", option_name(option));
            return OPTIONS_REFUSED;
        }
        if (!take_run_option(options, option, optarg))
            return OPTIONS_REFUSED;
    }
    if (!options->adapters)
        options->adapters = options->device == DEVICE_NONE ? 2 : 1;
    options->image = take_image(argc, argv, "run");
    return options->image ? OPTIONS_RUN : OPTIONS_REFUSED;
}

enum options_outcome run_options_parse(struct run_options *options, int argc, char **argv)
{
    int first = 0;
    while (first < argc && strcmp(argv[first], "--") != 0)
        ++first;
    enum options_outcome outcome = parse_driver(options, first, argv, false);
    if (outcome == OPTIONS_RUN && first < argc) {
        options->also = calloc(1, sizeof(*options->also));
        outcome = options->also ? parse_driver(options->also, argc - first, argv + first, true) : OPTIONS_REFUSED;
    }
    return outcome == OPTIONS_RUN && !check_run_options(options) ? OPTIONS_REFUSED : outcome;
}

void run_options_free(struct run_options *options)
{
    keyword_list_free(&options->keywords);
    if (options->also)
        run_options_free(options->also);
    free(options->also);
    options->also = NULL;
}

/* ---- info ---- */

enum options_outcome info_options_parse(struct info_options *options, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"json", no_argument, NULL, 'j'}, {"coverage", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    *options = (struct info_options){0};
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help_info, stdout);
            return OPTIONS_HELPED;
        }
        if (option == '?' || option == ':')
            return refuse_option(option, argv, "info");
        options->json |= option == 'j';
        options->coverage |= option == 'c';
    }
    if (options->coverage && optind == argc)
        return OPTIONS_RUN;
    options->image = take_image(argc, argv, "info");
    return options->image ? OPTIONS_RUN : OPTIONS_REFUSED;
}

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

/* ---- the structured ones ---- */

static bool parse_device(struct run_options *options, const char *text)
{
    char error[256];
    return device_choice_parse(text, &options->device, error, sizeof(error)) || refuse("%s", error);
}

static bool parse_interrupts(struct run_options *options, const char *text)
{
    if (strncmp(text, "msix:", 5) == 0) {
        options->interrupts = ADAPTER_INTERRUPTS_MESSAGES;
        return parse_count("--interrupts msix:N", text + 5, 1, 2048, &options->message_limit);
    }
    static const char *const names[] = {"auto", "intx", "msix", NULL};
    static const enum adapter_interrupts kinds[] = {ADAPTER_INTERRUPTS_AUTO, ADAPTER_INTERRUPTS_LINE, ADAPTER_INTERRUPTS_MESSAGES};
    unsigned index = 0;
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
    unsigned index = 0;
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
    if (also && (options->device.kind == CHOICE_NONE || also->device.kind == CHOICE_NONE))
        return refuse("--device none connects the adapters of one driver: it does not go with a second one");
    if (options->referee && (options->network == NETWORK_USER || options->device.kind == CHOICE_NONE))
        return refuse("--referee lies between a device and the peer's namespace: it needs --net tap and a device");
    for (const struct run_options *each = options; each && options->network == NETWORK_USER; each = each->also) {
        if (each->device.kind == CHOICE_NONE)
            return refuse("--net user is QEMU's: without devices, adapters 0 and 1 stand in guest and peer (--net tap)");
        if (each->device.kind != CHOICE_QEMU)
            return refuse("--net user is QEMU's: a %s's cable ends in the peer's namespace (--net tap)",
                          each->device.kind == CHOICE_MODEL ? "model device" : "plugin");
    }
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
        .machine = "pc",
        .message_limit = RUN_MESSAGES_DEFAULT,
        .processors = 2,
    };
    if (!parse_device(options, "qemu"))
        return OPTIONS_REFUSED;
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
        options->adapters = options->device.kind == CHOICE_NONE ? 2 : 1;
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

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_options.c - parses `ndishost check`. */
#include "cli/check_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"

static const uint64_t SEEDS_DEFAULT = 10;
enum { SECONDS_DEFAULT = 120 };

static bool refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool refuse(const char *format, ...)
{
    va_list arguments;
    fputs("ndishost: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs(" (ndishost check --help)\n", stderr);
    return false;
}

/* ---- values ---- */

static bool parse_number(const char *text, const char **end, uint64_t *value)
{
    char *after;
    errno = 0;
    *value = strtoull(text, &after, 10);
    *end = after;
    return isdigit((unsigned char)*text) && !errno;
}

/* "7" or "1..200" */
static bool parse_range(const char *option, const char *text, uint64_t lowest, uint64_t *first, uint64_t *last)
{
    const char *end;
    if (!parse_number(text, &end, first))
        return refuse("%s wants N or A..B, not \"%s\"", option, text);
    *last = *first;
    if (strncmp(end, "..", 2) == 0 && !parse_number(end + 2, &end, last))
        return refuse("%s wants N or A..B, not \"%s\"", option, text);
    if (*end || *last < *first || *first < lowest)
        return refuse("%s wants N or A..B with %u <= A <= B, not \"%s\"", option, (unsigned)lowest, text);
    return true;
}

static bool parse_points(const char *option, const char *text, struct check_range *range)
{
    range->wanted = true;
    range->all = strcmp(text, "all") == 0;
    return range->all || parse_range(option, text, 1, &range->first, &range->last);
}

static bool parse_small(const char *option, const char *text, unsigned low, unsigned high, unsigned *value)
{
    const char *end;
    uint64_t number;
    if (!parse_number(text, &end, &number) || *end || number < low || number > high)
        return refuse("%s wants a number from %u to %u, not \"%s\"", option, low, high, text);
    *value = (unsigned)number;
    return true;
}

static bool add_scenario(struct check_options *options, const char *name)
{
    if (strcmp(name, "all") == 0) {
        options->all_scenarios = true;
        return true;
    }
    const struct scenario *scenario = scenario_find(name);
    if (!scenario)
        return refuse("there is no scenario \"%s\": --list names them", name);
    if (options->scenario_count == CHECK_SCENARIOS_MAX)
        return refuse("--scenario: at most %u", (unsigned)CHECK_SCENARIOS_MAX);
    options->scenarios[options->scenario_count++] = scenario;
    return true;
}

static bool add_keyword(struct check_options *options, const char *text)
{
    char error[256];
    return keyword_list_set(&options->keywords, text, error, sizeof(error)) || refuse("%s", error);
}

static bool parse_interrupts(struct check_options *options, const char *text)
{
    static const char *const names[] = {"auto", "intx", "msix"};
    static const enum adapter_interrupts kinds[] = {ADAPTER_INTERRUPTS_AUTO, ADAPTER_INTERRUPTS_LINE, ADAPTER_INTERRUPTS_MESSAGES};
    for (unsigned i = 0; i < 3; ++i)
        if (strcmp(text, names[i]) == 0) {
            options->interrupts = kinds[i];
            options->interrupts_given = true;
            return true;
        }
    return refuse("--interrupts is auto, intx or msix, not \"%s\"", text);
}

static bool parse_preempt(struct check_options *options, const char *text)
{
    options->by_instruction = strcmp(text, "instruction") == 0;
    return options->by_instruction || strcmp(text, "calls") == 0 || refuse("--preempt is calls or instruction, not \"%s\"", text);
}

static bool parse_device(struct check_options *options, const char *text)
{
    char error[256];
    options->device_text = text;
    return device_choice_parse(text, &options->device, error, sizeof(error)) || refuse("%s", error);
}

/* ---- the options ---- */

enum check_option {
    OPTION_DEVICE = 256,
    OPTION_SCENARIO,
    OPTION_SEEDS,
    OPTION_CPUS,
    OPTION_PREEMPT,
    OPTION_STORE_BUFFER,
    OPTION_FAIL_NTH,
    OPTION_CUT_AT,
    OPTION_INTERRUPTS,
    OPTION_SET,
    OPTION_INF,
    OPTION_FILES,
    OPTION_JOBS,
    OPTION_LIMIT,
    OPTION_JSON,
    OPTION_TRACE,
    OPTION_GUARD_PAGES,
    OPTION_LIST,
};

static const struct option long_options[] = {
    {"device", required_argument, NULL, OPTION_DEVICE},
    {"scenario", required_argument, NULL, OPTION_SCENARIO},
    {"seeds", required_argument, NULL, OPTION_SEEDS},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"preempt", required_argument, NULL, OPTION_PREEMPT},
    {"store-buffer", no_argument, NULL, OPTION_STORE_BUFFER},
    {"fail-nth", required_argument, NULL, OPTION_FAIL_NTH},
    {"cut-at", required_argument, NULL, OPTION_CUT_AT},
    {"interrupts", required_argument, NULL, OPTION_INTERRUPTS},
    {"set", required_argument, NULL, OPTION_SET},
    {"inf", required_argument, NULL, OPTION_INF},
    {"files", required_argument, NULL, OPTION_FILES},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"json", required_argument, NULL, OPTION_JSON},
    {"trace", no_argument, NULL, OPTION_TRACE},
    {"guard-pages", no_argument, NULL, OPTION_GUARD_PAGES},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take(struct check_options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_DEVICE:
        return parse_device(options, value);
    case OPTION_SCENARIO:
        return add_scenario(options, value);
    case OPTION_SEEDS:
        return parse_range("--seeds", value, 0, &options->first_seed, &options->last_seed);
    case OPTION_CPUS:
        return parse_small("--cpus", value, 1, RUN_PROCESSORS_MAX, &options->processors);
    case OPTION_PREEMPT:
        return parse_preempt(options, value);
    case OPTION_STORE_BUFFER:
        options->store_buffer = true;
        return true;
    case OPTION_FAIL_NTH:
        return parse_points("--fail-nth", value, &options->fail_nth);
    case OPTION_CUT_AT:
        return parse_points("--cut-at", value, &options->cut_at);
    case OPTION_INTERRUPTS:
        return parse_interrupts(options, value);
    case OPTION_SET:
        return add_keyword(options, value);
    case OPTION_INF:
        options->inf = value;
        return true;
    case OPTION_FILES:
        options->files = value;
        return true;
    case OPTION_JOBS:
        return parse_small("--jobs", value, 1, CHECK_JOBS_MAX, &options->jobs);
    case OPTION_LIMIT:
        return parse_small("--limit", value, 1, 86400, &options->seconds);
    case OPTION_JSON:
        options->json = value;
        return true;
    case OPTION_TRACE:
        options->trace = true;
        return true;
    default:
        options->guard_pages = true;
        return true;
    }
}

static void list_scenarios(void)
{
    for (const struct scenario *scenario = scenarios; scenario->name; ++scenario)
        printf("%-18s %s\n", scenario->name, scenario->text);
}

/* What no single option can know. */
static bool check(struct check_options *options)
{
    if (options->fail_nth.wanted && options->cut_at.wanted)
        return refuse("--fail-nth and --cut-at are done one after the other, not together");
    if (options->store_buffer && !options->by_instruction)
        return refuse("--store-buffer needs --preempt instruction");
    if (options->by_instruction && !device_choice_is_replayable(&options->device))
        return refuse("--preempt instruction needs a device that a seed decides: --device model");
    if (!options->scenario_count || options->all_scenarios) {
        options->scenario_count = 0;
        for (const struct scenario *scenario = scenarios; scenario->name; ++scenario)
            options->scenarios[options->scenario_count++] = scenario;
    }
    return true;
}

static bool take_image(struct check_options *options, int argc, char **argv)
{
    if (optind == argc)
        return refuse("which image? ndishost check IMAGE.sys");
    if (optind + 1 < argc)
        return refuse("one image at a time: what is \"%s\"?", argv[optind + 1]);
    options->image = argv[optind];
    return true;
}

enum options_outcome check_options_parse(struct check_options *options, int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *options = (struct check_options){
        .first_seed = 1,
        .last_seed = SEEDS_DEFAULT,
        .processors = 2,
        .jobs = processors < 1                ? 1
                : processors > CHECK_JOBS_MAX ? CHECK_JOBS_MAX
                                              : (unsigned)processors,
        .seconds = SECONDS_DEFAULT,
    };
    if (!parse_device(options, "model"))
        return OPTIONS_REFUSED;
    opterr = 0;
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1;) {
        if (option == 'h' || option == OPTION_LIST) {
            if (option == 'h')
                fputs(help_check, stdout);
            else
                list_scenarios();
            return OPTIONS_HELPED;
        }
        if (option == '?' || option == ':') {
            refuse(option == ':' ? "%s wants a value" : "unknown option %s", argv[optind - 1]);
            return OPTIONS_REFUSED;
        }
        if (!take(options, option, optarg))
            return OPTIONS_REFUSED;
    }
    return take_image(options, argc, argv) && check(options) ? OPTIONS_RUN : OPTIONS_REFUSED;
}

void check_options_free(struct check_options *options)
{
    keyword_list_free(&options->keywords);
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_without_engine.c - runs a fuzz target without libFuzzer: every seed, every file of a corpus, then seeded mutations of seeds.
 *
 *   PROGRAM RUNS [CORPUS-DIRECTORY]
 *   PROGRAM --write-seeds DIRECTORY [CORPUS-DIRECTORY]    and DIRECTORY/list of both, for libFuzzer's -seed_inputs=@
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_target.h"

/* Bytes that mean something to one of the parsers: ends, separators, quotes. */
static const uint8_t special[] = "\0\xFF\xFE\x80\x7F\n\r []{}()=,;:%\"\\/*@-+019";

static uint64_t random_state = 0x9E3779B97F4A7C15ull;

static uint32_t next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}

/* A piece appears elsewhere; both places lie in the input. */
static void move_piece(uint8_t *bytes, size_t length)
{
    size_t to = next_random() % length, from = next_random() % length, count = 1 + next_random() % 40;

    count = count < length - to ? count : length - to;
    count = count < length - from ? count : length - from;
    memmove(bytes + to, bytes + from, count);
}

static size_t mutate(uint8_t *bytes, size_t length)
{
    uint32_t changes = 1 + next_random() % 8;

    while (changes-- != 0 && length != 0) {
        size_t at = next_random() % length;

        switch (next_random() % 5) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << (next_random() % 8));
            break;
        case 1:
            bytes[at] = (uint8_t)next_random();
            break;
        case 2:
            bytes[at] = special[next_random() % (sizeof special - 1)];
            break;
        case 3:
            move_piece(bytes, length);
            break;
        default:
            length = next_random() % 8 == 0 ? at : length;
            break;
        }
    }
    return length;
}

/* In a block of just this size, so that one byte too far is noticed under sanitizers. */
static void run_once(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);

    MUST(copy);
    memcpy(copy, bytes, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static FILE *open_or_exit(const char *directory, const char *name, const char *mode)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, mode);
    if (!file) {
        perror(path);
        exit(2);
    }
    return file;
}

/* Calls `visit` for every file. */
static unsigned visit_corpus(const char *directory, void (*visit)(const char *directory, const char *name, FILE *list), FILE *list)
{
    unsigned count = 0;
    const struct dirent *entry;
    DIR *listing = opendir(directory);

    if (!listing) {
        perror(directory);
        exit(2);
    }
    while ((entry = readdir(listing)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        visit(directory, entry->d_name, list);
        count++;
    }
    closedir(listing);
    return count;
}

static void put_name(const char *directory, const char *name, FILE *list)
{
    fprintf(list, "%s%s/%s", ftell(list) ? "," : "", directory, name);
}

static void write_seeds(const char *directory, const char *corpus)
{
    static uint8_t bytes[FUZZ_INPUT_BYTES];
    FILE *list = open_or_exit(directory, "list", "wb");
    char name[32];
    uint32_t index;
    size_t length;

    for (index = 0; (length = fuzz_seed(index, bytes)) != 0; index++) {
        FILE *file;

        snprintf(name, sizeof name, "seed-%02u", (unsigned)index);
        file = open_or_exit(directory, name, "wb");
        if (fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
            perror(name);
            exit(2);
        }
        put_name(directory, name, list);
    }
    if (corpus)
        visit_corpus(corpus, put_name, list);
    if (fclose(list) != 0) {
        perror("list");
        exit(2);
    }
}

static void run_file(const char *directory, const char *name, FILE *list)
{
    static uint8_t bytes[FUZZ_INPUT_BYTES];
    FILE *file = open_or_exit(directory, name, "rb");
    size_t length = fread(bytes, 1, sizeof bytes, file);

    (void)list;
    if (ferror(file) || !feof(file)) {
        fprintf(stderr, "%s/%s: longer than %d bytes, or not readable\n", directory, name, FUZZ_INPUT_BYTES - 1);
        exit(2);
    }
    fclose(file);
    run_once(bytes, length);
}

int main(int count, char **arguments)
{
    static uint8_t bytes[FUZZ_INPUT_BYTES];
    unsigned seeds = 0, runs, files, i;
    size_t length;

    if ((count == 3 || count == 4) && strcmp(arguments[1], "--write-seeds") == 0) {
        write_seeds(arguments[2], arguments[3]);
        return 0;
    }
    if (count != 2 && count != 3) {
        fprintf(stderr, "usage: %s RUNS [CORPUS-DIRECTORY] | --write-seeds DIRECTORY [CORPUS-DIRECTORY]\n", arguments[0]);
        return 2;
    }
    runs = (unsigned)strtoul(arguments[1], NULL, 10);
    while ((length = fuzz_seed(seeds, bytes)) != 0) {
        run_once(bytes, length);
        seeds++;
    }
    if (seeds == 0) {
        fprintf(stderr, "%s: the target has no seeds\n", arguments[0]);
        return 1;
    }
    run_once(bytes, 0);
    files = count == 3 ? visit_corpus(arguments[2], run_file, NULL) : 0;
    for (i = 0; i < runs; i++) {
        length = fuzz_seed(next_random() % seeds, bytes);
        length = mutate(bytes, length);
        run_once(bytes, length);
    }
    printf("%u seeds, %u files, %u mutations\n", seeds, files, runs);
    return 0;
}

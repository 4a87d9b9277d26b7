/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* acquire.c - numbers what the image asks for, and decides what it is refused. */
#include "rules/acquire.h"

#include <stdatomic.h>
#include <stddef.h>

#include "rules/rules.h"

static _Atomic uint64_t asked, refused, chosen, some_seed;
static atomic_uint some_one_in;
static const char *_Atomic first_refused;

/* splitmix64's output function: neighbouring numbers give unrelated values. */
static uint64_t scramble(uint64_t value)
{
    value += 0x9E3779B97F4A7C15u;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

bool acquire_permitted(const char *what)
{
    uint64_t number = atomic_fetch_add(&asked, 1) + 1;
    unsigned one_in = some_one_in;
    if (number != chosen && !(one_in && scramble(some_seed ^ scramble(number)) % one_in == 0))
        return true;
    const char *nothing = NULL;
    atomic_fetch_add(&refused, 1);
    atomic_compare_exchange_strong(&first_refused, &nothing, what);
    TRACE("acquire", "%s, number %llu: refused", what, (unsigned long long)number);
    return false;
}

void acquire_refuse_number(uint64_t number)
{
    chosen = number;
}

void acquire_refuse_some(unsigned one_in, uint64_t seed)
{
    some_seed = scramble(seed);
    some_one_in = one_in;
}

void acquire_permit_all(void)
{
    chosen = 0;
    some_one_in = 0;
}

void acquire_reset(void)
{
    acquire_permit_all();
    asked = refused = 0;
    first_refused = NULL;
}

uint64_t acquire_count(void)
{
    return asked;
}

uint64_t acquire_refusals(void)
{
    return refused;
}

const char *acquire_first_refused(void)
{
    return first_refused;
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * memory.c - memcpy, memmove, memset and memcmp for drivers.
 *
 * Compilers emit calls to these on their own. Windows 7's kernel exports the first three on x86 only, and memcmp for drivers on neither
 * machine, so the driver carries what is missing. Any IRQL; the memory must be resident.
 */
#if defined(_WIN64)
typedef unsigned long long memory_size;
#else
typedef unsigned int memory_size;
#endif

int __cdecl memcmp(const void *left, const void *right, memory_size length);

int __cdecl memcmp(const void *left, const void *right, memory_size length)
{
    const unsigned char *l = (const unsigned char *)left;
    const unsigned char *r = (const unsigned char *)right;

    for (; length != 0; length--, l++, r++) {
        if (*l != *r) {
            return *l < *r ? -1 : 1;
        }
    }
    return 0;
}

#if defined(_WIN64)

void *__cdecl memcpy(void *destination, const void *source, memory_size length);
void *__cdecl memmove(void *destination, const void *source, memory_size length);
void *__cdecl memset(void *destination, int value, memory_size length);

/* Unaligned accesses of a fixed size: one instruction each. */
__extension__ typedef unsigned long long quad;

static quad load_quad(const void *from)
{
    quad value;

    __builtin_memcpy(&value, from, sizeof(value));
    return value;
}

static unsigned int load_long(const void *from)
{
    unsigned int value;

    __builtin_memcpy(&value, from, sizeof(value));
    return value;
}

static void store_quad(void *to, quad value)
{
    __builtin_memcpy(to, &value, sizeof(value));
}

static void store_long(void *to, unsigned int value)
{
    __builtin_memcpy(to, &value, sizeof(value));
}

/* Up to 16 bytes: the first and the last word, overlapping. Both are read before either is written, so that memmove may use it. */
static void copy_short(unsigned char *to, const unsigned char *from, memory_size length)
{
    if (length >= 8) {
        quad first = load_quad(from);
        quad last = load_quad(from + length - 8);

        store_quad(to, first);
        store_quad(to + length - 8, last);
    } else if (length >= 4) {
        unsigned int first = load_long(from);
        unsigned int last = load_long(from + length - 4);

        store_long(to, first);
        store_long(to + length - 4, last);
    } else if (length != 0) {
        unsigned char first = from[0];
        unsigned char middle = from[length / 2];
        unsigned char last = from[length - 1];

        to[0] = first;
        to[length / 2] = middle;
        to[length - 1] = last;
    }
}

/* Longer ones: string instructions, by quads and then the last one, overlapping. No vector state, which belongs to user mode. */
void *__cdecl memcpy(void *destination, const void *source, memory_size length)
{
    void *to = destination;
    memory_size quads = length / 8;
    quad last;

    if (length <= 16) {
        copy_short((unsigned char *)destination, (const unsigned char *)source, length);
        return destination;
    }
    last = load_quad((const unsigned char *)source + length - 8);
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(source), "+c"(quads) : : "memory");
    store_quad((unsigned char *)destination + length - 8, last);
    return destination;
}

void *__cdecl memmove(void *destination, const void *source, memory_size length)
{
    unsigned char *to = (unsigned char *)destination;
    const unsigned char *from = (const unsigned char *)source;

    if (length <= 16) {
        copy_short(to, from, length);
        return destination;
    }
    /* Unsigned differences: below `length` only when one range starts inside the other. */
    if ((memory_size)(to - from) >= length && (memory_size)(from - to) >= length) {
        return memcpy(destination, source, length);
    }
    /* The destination starts before the source: forward, byte by byte. */
    if ((memory_size)(to - from) >= length) {
        void *target = destination;

        __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(length) : : "memory");
        return destination;
    }
    /* The destination starts inside the source: backward. */
    while (length != 0) {
        length--;
        to[length] = from[length];
    }
    return destination;
}

void *__cdecl memset(void *destination, int value, memory_size length)
{
    void *to = destination;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(value) : "memory");
    return destination;
}

#endif

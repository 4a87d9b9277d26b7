/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io.c - the host thread that polls descriptors for the rest of the host, and wakes for the timers. */
#define _GNU_SOURCE /* pthread_setname_np */
#include "sched.h"

#include "processor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What is polled, by descriptor. The generation tells an event that was fetched before a removal from one of its successor. */
struct place {
    struct sched_io *io;
    uint32_t generation;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t callback_ended = PTHREAD_COND_INITIALIZER;
static struct place *places;
static int place_count;
static struct sched_io *in_callback;
static int epoll_fd = -1, timer_fd = -1, stop_fd = -1;
static pthread_t thread;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "ndishost: %s: %s\n", what, strerror(errno));
    abort();
}

static void ensure_epoll(void)
{
    if (epoll_fd < 0)
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        fail("epoll");
}

static struct epoll_event event_of(int fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT};
    event.data.u64 = (uint64_t)places[fd].generation << 32 | (uint32_t)fd;
    return event;
}

bool io_in_use(void)
{
    bool used = false;
    pthread_mutex_lock(&lock);
    for (int fd = 0; fd < place_count; fd++)
        used |= places[fd].io != NULL;
    pthread_mutex_unlock(&lock);
    return used;
}

void sched_io_add(struct sched_io *io)
{
    if (sched_is_seeded()) {
        fprintf(stderr, "ndishost: descriptor %d is to be polled under the seeded policy: what it says does not follow from the seed\n",
                io->fd);
        abort();
    }
    pthread_mutex_lock(&lock);
    ensure_epoll();
    if (io->fd >= place_count) {
        int count = io->fd + 64;
        places = realloc(places, (size_t)count * sizeof(*places));
        if (places == NULL)
            fail("descriptors");
        memset(places + place_count, 0, (size_t)(count - place_count) * sizeof(*places));
        place_count = count;
    }
    places[io->fd].io = io;
    places[io->fd].generation++;
    struct epoll_event event = event_of(io->fd);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, io->fd, &event) != 0)
        fail("epoll add");
    pthread_mutex_unlock(&lock);
}

void sched_io_arm(struct sched_io *io)
{
    pthread_mutex_lock(&lock);
    if (io->fd < place_count && places[io->fd].io == io) {
        struct epoll_event event = event_of(io->fd);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, io->fd, &event) != 0)
            fail("epoll arm");
    }
    pthread_mutex_unlock(&lock);
}

void sched_io_remove(struct sched_io *io)
{
    pthread_mutex_lock(&lock);
    if (io->fd < place_count && places[io->fd].io == io) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
        places[io->fd].io = NULL;
    }
    /* Callbacks are short; one that removes itself is on this very thread. */
    while (in_callback == io && !pthread_equal(pthread_self(), thread))
        pthread_cond_wait(&callback_ended, &lock);
    pthread_mutex_unlock(&lock);
}

static void dispatch(uint64_t key)
{
    int fd = (int)(uint32_t)key;
    pthread_mutex_lock(&lock);
    struct sched_io *io = fd < place_count && places[fd].generation == key >> 32 ? places[fd].io : NULL;
    if (io != NULL) {
        in_callback = io;
        pthread_mutex_unlock(&lock);
        io->ready(io);
        pthread_mutex_lock(&lock);
        in_callback = NULL;
        pthread_cond_broadcast(&callback_ended);
    }
    pthread_mutex_unlock(&lock);
}

/* Keys of the thread's own descriptors: no generation. */
enum { KEY_TIMER = 0, KEY_STOP = 1 };

static void *io_main(void *unused)
{
    (void)unused;
    for (;;) {
        struct epoll_event events[16];
        int count = epoll_wait(epoll_fd, events, 16, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll wait");
        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == KEY_STOP)
                return NULL;
            if (events[i].data.u64 == KEY_TIMER) {
                uint64_t expirations;
                if (read(timer_fd, &expirations, sizeof(expirations)) == sizeof(expirations))
                    timers_expire(sched_now());
            } else {
                dispatch(events[i].data.u64);
            }
        }
    }
}

static void add_own(int fd, uint64_t key)
{
    struct epoll_event event = {.events = EPOLLIN};
    event.data.u64 = key;
    if (fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        fail("I/O thread");
}

int io_thread_start(void)
{
    pthread_mutex_lock(&lock);
    ensure_epoll();
    pthread_mutex_unlock(&lock);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    add_own(timer_fd, KEY_TIMER);
    stop_fd = eventfd(0, EFD_CLOEXEC);
    add_own(stop_fd, KEY_STOP);

    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, NULL, io_main, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        pthread_setname_np(thread, "io");
    return error;
}

void io_thread_stop(void)
{
    uint64_t one = 1;
    if (write(stop_fd, &one, sizeof(one)) != sizeof(one))
        fail("I/O thread stop");
    pthread_join(thread, NULL);
    close(timer_fd);
    close(stop_fd);
    timer_fd = stop_fd = -1;
}

void io_thread_set_timer(uint64_t due_nanoseconds)
{
    struct itimerspec at = {{0, 0}, {(time_t)(due_nanoseconds / 1000000000u), (long)(due_nanoseconds % 1000000000u)}};
    if (timer_fd >= 0)
        timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* supervisor.c - the host thread that looks after signals, commands and control requests. */
#include "cli/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/control_server.h"
#include "cli/memory_use.h"
#include "cli/progress.h"
#include "exec/sched.h"
#include "rules/rules.h"

enum {
    SIDES = SIDE_PEER + 1,
    TERMINATION_PATIENCE_MS = 3000,
    INSISTENCE_MS = 500 /* signals closer together are one wish: timeout(1) signals its child, then the child's group */
};

static struct {
    struct machine *machine;
    pthread_t thread;
    int signals, quit, listeners[SIDES];
    struct sched_event happened;
    uint64_t asked_ms; /* of the supervising thread: when the first signal came that stops the run; 0: none */
    _Atomic uint64_t process_peak, driver_peak;

    pthread_mutex_t lock; /* guards what follows */
    struct {
        struct command_state state;
        pid_t pid;
    } commands[SIDES];
    char stop_reason[64];
    bool stop_is_failure;
    bool terminal_lent; /* the guest's command is the terminal's foreground process group */
} supervisor = {.lock = PTHREAD_MUTEX_INITIALIZER, .signals = -1, .quit = -1, .listeners = {-1, -1}};

/* ---- signals ---- */

/* Who starts us with one of these ignored (nohup, a shell's background job) wants the run to outlive it. */
static bool is_unwanted(int signal)
{
    struct sigaction action;
    return signal != SIGTERM && sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static sigset_t supervised_signals(void)
{
    static const int stopping[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); ++i)
        if (!is_unwanted(stopping[i]))
            sigaddset(&set, stopping[i]);
    return set;
}

void supervisor_block_signals(void)
{
    sigset_t set = supervised_signals();
    sigaddset(&set, SIGTTOU); /* or taking the terminal back from a command would stop us */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void request_stop(const char *reason, bool failure)
{
    pthread_mutex_lock(&supervisor.lock);
    if (!supervisor.stop_reason[0]) {
        snprintf(supervisor.stop_reason, sizeof(supervisor.stop_reason), "%s", reason);
        supervisor.stop_is_failure = failure;
    }
    pthread_mutex_unlock(&supervisor.lock);
    supervisor_wake();
}

/* ---- commands ---- */

static void collect_commands(void)
{
    pthread_mutex_lock(&supervisor.lock);
    for (int side = 0; side < SIDES; ++side) {
        struct command_state *state = &supervisor.commands[side].state;
        int status;
        if (!state->running || waitpid(supervisor.commands[side].pid, &status, WNOHANG) != supervisor.commands[side].pid)
            continue;
        state->running = false;
        state->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        /* What it left in the background of its group goes with it. */
        kill(-supervisor.commands[side].pid, SIGKILL);
        if (side == SIDE_GUEST && supervisor.terminal_lent) {
            tcsetpgrp(STDIN_FILENO, getpgrp());
            supervisor.terminal_lent = false;
        }
    }
    pthread_mutex_unlock(&supervisor.lock);
    supervisor_wake();
}

bool supervisor_command_start(enum network_side side, const char *command)
{
    pthread_mutex_lock(&supervisor.lock);
    pid_t pid = network_command_start(supervisor.machine->world, side, command);
    if (pid > 0) {
        supervisor.commands[side].pid = pid;
        supervisor.commands[side].state = (struct command_state){.command = command, .running = true};
        /* A shell on the guest's side can be talked to: it gets the terminal as long as it runs. */
        if (side == SIDE_GUEST && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp())
            supervisor.terminal_lent = tcsetpgrp(STDIN_FILENO, pid) == 0;
    }
    pthread_mutex_unlock(&supervisor.lock);
    return pid > 0;
}

struct command_state supervisor_command(enum network_side side)
{
    pthread_mutex_lock(&supervisor.lock);
    struct command_state state = supervisor.commands[side].state;
    pthread_mutex_unlock(&supervisor.lock);
    return state;
}

static bool signal_running_commands(int signal)
{
    bool any = false;
    pthread_mutex_lock(&supervisor.lock);
    for (int side = 0; side < SIDES; ++side) {
        if (!supervisor.commands[side].state.running)
            continue;
        any = true;
        supervisor.commands[side].state.ended_by_us = true;
        kill(-supervisor.commands[side].pid, signal);
        kill(-supervisor.commands[side].pid, SIGCONT); /* a stopped one takes the signal when it goes on */
    }
    pthread_mutex_unlock(&supervisor.lock);
    return any;
}

static bool commands_running(void)
{
    return supervisor_command(SIDE_GUEST).running || supervisor_command(SIDE_PEER).running;
}

void supervisor_commands_end(void)
{
    static const int signals[] = {SIGTERM, SIGKILL};
    for (int i = 0; i < 2 && signal_running_commands(signals[i]); ++i) {
        uint64_t deadline = sched_now() + (uint64_t)TERMINATION_PATIENCE_MS * 10000;
        while (commands_running() && sched_now() < deadline)
            supervisor_wait(deadline);
    }
}

void supervisor_commands_kill(void)
{
    signal_running_commands(SIGKILL);
}

/* ---- the thread ---- */

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void take_signal(void)
{
    struct signalfd_siginfo info;
    if (read(supervisor.signals, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGCHLD) {
        collect_commands();
        return;
    }
    uint64_t now = monotonic_ms();
    if (supervisor.asked_ms && now - supervisor.asked_ms < INSISTENCE_MS)
        return;
    if (supervisor.asked_ms) { /* asked twice: no more good order */
        supervisor_commands_kill();
        progress_end();
        _exit(128 + (int)info.ssi_signo);
    }
    supervisor.asked_ms = now;
    char reason[32];
    snprintf(reason, sizeof(reason), "SIG%s", sigabbrev_np((int)info.ssi_signo));
    request_stop(reason, true);
}

static void raise_to(_Atomic uint64_t *peak, uint64_t value)
{
    uint64_t old = *peak;
    while (value > old && !atomic_compare_exchange_weak(peak, &old, value))
        ;
}

void supervisor_sample_memory(void)
{
    raise_to(&supervisor.process_peak, memory_use_beside_guest());
    raise_to(&supervisor.driver_peak, track_live_bytes());
}

struct memory_peaks supervisor_memory_peaks(void)
{
    return (struct memory_peaks){.process = supervisor.process_peak, .driver = supervisor.driver_peak};
}

static void *supervise(void *unused)
{
    (void)unused;
    struct pollfd polled[] = {{.fd = supervisor.quit, .events = POLLIN},
                              {.fd = supervisor.signals, .events = POLLIN},
                              {.fd = supervisor.listeners[SIDE_GUEST], .events = POLLIN},
                              {.fd = supervisor.listeners[SIDE_PEER], .events = POLLIN}};
    while (!(polled[0].revents & POLLIN)) {
        int ready = poll(polled, sizeof(polled) / sizeof(polled[0]), PROGRESS_PERIOD_MS);
        if (ready < 0)
            continue; /* EINTR; revents are unchanged, and were handled */
        supervisor_sample_memory();
        progress_tick();
        if (polled[1].revents & POLLIN)
            take_signal();
        for (int i = 2; i < 4; ++i)
            if ((polled[i].revents & POLLIN) && control_serve(polled[i].fd, supervisor.machine))
                request_stop("control stop", false);
    }
    return NULL;
}

static void device_failed(void *unused)
{
    (void)unused;
    request_stop("the device failed", true);
}

bool supervisor_start(struct machine *machine, char *error, size_t error_size)
{
    sigset_t set = supervised_signals();
    supervisor.machine = machine;
    sched_event_init(&supervisor.happened, true, false);
    supervisor.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    supervisor.quit = eventfd(0, EFD_CLOEXEC);
    supervisor.listeners[SIDE_GUEST] = network_world_listen(machine->world, SIDE_GUEST, CONTROL_SOCKET_NAME);
    supervisor.listeners[SIDE_PEER] = network_world_listen(machine->world, SIDE_PEER, CONTROL_SOCKET_NAME);
    int why = errno;
    if (supervisor.signals >= 0 && supervisor.quit >= 0 && supervisor.listeners[SIDE_GUEST] >= 0 && supervisor.listeners[SIDE_PEER] >= 0) {
        why = pthread_create(&supervisor.thread, NULL, supervise, NULL);
        if (!why) {
            machine_on_failure(machine, device_failed, NULL);
            return true;
        }
    }
    snprintf(error, error_size, "the supervising thread cannot start: %s", strerror(why));
    return false;
}

void supervisor_stop(void)
{
    ssize_t ignored = write(supervisor.quit, &(uint64_t){1}, sizeof(uint64_t));
    (void)ignored;
    pthread_join(supervisor.thread, NULL);
    close(supervisor.signals);
    close(supervisor.quit);
    for (int side = 0; side < SIDES; ++side)
        close(supervisor.listeners[side]);
}

/* ---- what the scenario asks ---- */

void supervisor_wait(uint64_t deadline)
{
    sched_event_wait(&supervisor.happened, deadline);
}

void supervisor_wake(void)
{
    sched_event_set(&supervisor.happened);
}

const char *supervisor_stop_reason(bool *is_failure)
{
    pthread_mutex_lock(&supervisor.lock);
    *is_failure = supervisor.stop_is_failure;
    pthread_mutex_unlock(&supervisor.lock);
    return supervisor.stop_reason[0] ? supervisor.stop_reason : NULL; /* written once, before anybody sees it */
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* agent.c - the list of agents; how they act is the policy's. */
#include "sched.h"

#include "processor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct agent *agents;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list */

static _Noreturn void fail(const char *name, int error)
{
    fprintf(stderr, "ndishost: agent %s cannot be started: %s\n", name, strerror(error));
    abort();
}

void sched_agent_add(struct sched_agent *sched)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    if (agent == NULL)
        fail(sched->name, ENOMEM);
    agent->sched = sched;
    sched->state = agent;
    pthread_mutex_lock(&lock);
    struct agent **place = &agents;
    while (*place != NULL)
        place = &(*place)->next;
    *place = agent;
    int error = sched_policy->agent_enter(agent);
    pthread_mutex_unlock(&lock);
    if (error != 0)
        fail(sched->name, error);
}

void sched_agent_wake(struct sched_agent *sched)
{
    struct agent *agent = sched->state;
    if (atomic_exchange(&agent->wanted, 1) == 0)
        sched_policy->agent_wake(agent);
}

void sched_agent_remove(struct sched_agent *sched)
{
    struct agent *agent = sched->state;
    pthread_mutex_lock(&lock);
    struct agent **place = &agents;
    while (*place != agent)
        place = &(*place)->next;
    *place = agent->next;
    pthread_mutex_unlock(&lock);
    sched_policy->agent_leave(agent);
    sched->state = NULL;
    free(agent);
}

int agents_move(const struct sched_policy *from, const struct sched_policy *to)
{
    int error = 0;
    pthread_mutex_lock(&lock);
    for (struct agent *agent = agents; agent != NULL && error == 0; agent = agent->next) {
        from->agent_leave(agent);
        error = to->agent_enter(agent);
    }
    pthread_mutex_unlock(&lock);
    return error;
}

/* SPDX-License-Identifier: Apache-2.0 */

/* A simulation is worth what its queues are: here they are held against what is
 * known of them. */

#include <math.h>
#include <stdlib.h>

#include "base/list.h"
#include "harness/test.h"
#include "sim/params.h"
#include "sim/replica.h"
#include "sim/whole.h"

struct probe {
    struct event event; /* first */
    int fired_as;
};

static int fired;

static void probe_fire(struct event *event, struct sim *sim)
{
    (void)sim;
    ((struct probe *)(void *)event)->fired_as = ++fired;
}

static void events_fire_in_time_and_at_one_instant_in_order(void **state)
{
    struct probe probes[3] = { { { .fire = probe_fire } },
                               { { .fire = probe_fire } },
                               { { .fire = probe_fire } } };
    struct sim sim;

    (void)state;
    fired = 0;
    sim_init(&sim, 1);
    sim_at(&sim, &probes[0].event, sim.now + 2);
    sim_at(&sim, &probes[1].event, sim.now + 1);
    sim_at(&sim, &probes[2].event, sim.now + 2);
    sim_run(&sim, sim.now + 1);
    assert_int_equal(fired, 1);
    sim_run(&sim, sim.now + 1);
    assert_int_equal(probes[1].fired_as, 1);
    assert_int_equal(probes[0].fired_as, 2);
    assert_int_equal(probes[2].fired_as, 3);
    sim_fini(&sim);
}

struct queue {
    struct sim sim; /* first */
    struct replica replica;
    struct event arrival;
    double gap_ns, work_ns;
    int64_t end;
    double finished, took_ns;
};

static void work_finished(struct replica *replica, struct sim *sim, struct work *work)
{
    struct queue *queue = (struct queue *)sim;

    (void)replica;
    queue->finished++;
    queue->took_ns += (double)(sim->now - work->began);
    free(work);
}

static void work_arrive(struct event *event, struct sim *sim)
{
    struct queue *queue = (struct queue *)sim;
    struct work *work = sim_alloc(1, sizeof(*work));

    work->began = sim->now;
    replica_add(&queue->replica, sim, work, sim_exponential(&sim->rand, queue->work_ns));
    if (sim->now < queue->end) {
        sim_at(sim, event, sim->now + sim_exponential(&sim->rand, queue->gap_ns));
    }
}

/* The mean time in the system, in units of the work. */
static double queue_run(double cores, double load, uint64_t seed)
{
    struct queue queue = { .work_ns = (double)NS_PER_MS };

    sim_init(&queue.sim, seed);
    queue.gap_ns = queue.work_ns / (cores * load);
    queue.end = queue.sim.now + 200 * NS_PER_S;
    replica_init(&queue.replica, cores, cores, queue.sim.now);
    queue.replica.finished = work_finished;
    queue.arrival.fire = work_arrive;
    sim_at(&queue.sim, &queue.arrival, queue.sim.now);
    sim_run(&queue.sim, NEVER - 1);
    replica_fini(&queue.replica);
    sim_fini(&queue.sim);
    return queue.took_ns / queue.finished / queue.work_ns;
}

static void a_shared_core_takes_as_long_as_theory_says(void **state)
{
    (void)state;
    assert_true(fabs(queue_run(1, 0.5, 1) - 2) < 0.05); /* 1 / (1 - load) */
    assert_true(fabs(queue_run(1, 0.8, 2) - 5) < 0.25);
}

/* M/M/2: 1 / (1 - load^2). */
static void two_cores_do_too(void **state)
{
    (void)state;
    assert_true(fabs(queue_run(2, 0.8, 3) - 1 / (1 - 0.64)) < 0.1);
}

static void equal_seeds_give_equal_runs(void **state)
{
    (void)state;
    assert_true(queue_run(1, 0.8, 4) == queue_run(1, 0.8, 4));
    assert_true(queue_run(1, 0.8, 4) != queue_run(1, 0.8, 5));
}

/* Calls of the whole client to one server with workers and a line before them. */
struct line {
    struct whole whole; /* first */
    struct event arrival;
    double gap_ns, work_ns;
    int64_t end;
    double ended, took_ns;
};

static void line_serve(struct whole *whole, struct job *job)
{
    job->takes_ns = sim_exponential(&whole->sim.rand, ((struct line *)whole)->work_ns);
}

static void line_ended(struct whole *whole, const struct whole_end *end)
{
    struct line *line = (struct line *)whole;

    assert_true(end->good);
    line->ended++;
    line->took_ns += (double)(end->now - end->began);
}

static void call_arrive(struct event *event, struct sim *sim)
{
    struct line *line = (struct line *)sim;

    whole_call(&line->whole, NULL);
    if (sim->now < line->end) {
        sim_at(sim, event, sim->now + sim_exponential(&sim->rand, line->gap_ns));
    }
}

/* M/M/10 at 0.8: a call waits with a probability of 0.4092 (Erlang C), half a work then. */
static void a_line_before_workers_takes_as_long_as_theory_says(void **state)
{
    struct params *params =
        params_read(TULLE_TEST_SOURCE_DIR "/tests/sim/scenarios/hedged_reads.json");
    const struct run run = { .params = params, .policy = "none", .seed = 1 };
    struct line line = { .work_ns = (double)NS_PER_MS };

    (void)state;
    whole_open(&line.whole, &run, 1);
    line.whole.servers[0].workers = 10;
    line.whole.serve = line_serve;
    line.whole.ended = line_ended;
    line.gap_ns = line.work_ns / 8;
    line.end = line.whole.sim.now + 30 * NS_PER_S;
    line.arrival.fire = call_arrive;
    sim_at(&line.whole.sim, &line.arrival, line.whole.sim.now);
    whole_run(&line.whole, line.end + NS_PER_S);
    whole_close(&line.whole);
    params_free(params);
    assert_true(fabs(line.took_ns / line.ended / line.work_ns - (1 + 0.4092 / 2)) < 0.02);
}

static void utilization_and_queries_are_of_the_last_second(void **state)
{
    struct work works[2] = { { .began = 0 }, { .began = 0 } };
    struct replica replica;
    struct sim sim;

    (void)state;
    sim_init(&sim, 1);
    replica_init(&replica, 1, 2, sim.now);
    replica_add(&replica, &sim, &works[0], 5 * NS_PER_S);
    replica_add(&replica, &sim, &works[1], 5 * NS_PER_S);
    sim_run(&sim, sim.now + NS_PER_S);
    replica_second(&replica, &sim);
    assert_true(fabs(replica.load.cpu - 2) < 1e-6); /* twice what is its own */
    assert_true(replica.load.qps == 0);
    assert_true(replica_load(&replica).rif == 2);
    replica_fini(&replica);
    sim_fini(&sim);
}

TEST_MAIN(cmocka_unit_test(events_fire_in_time_and_at_one_instant_in_order),
          cmocka_unit_test(a_shared_core_takes_as_long_as_theory_says),
          cmocka_unit_test(two_cores_do_too), cmocka_unit_test(equal_seeds_give_equal_runs),
          cmocka_unit_test(a_line_before_workers_takes_as_long_as_theory_says),
          cmocka_unit_test(utilization_and_queries_are_of_the_last_second))

/* SPDX-License-Identifier: Apache-2.0 */

#include "base/group.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness/test.h"

struct rig {
    struct loop loops[2];
    struct group group;
};

static bool rig_open(struct rig *rig)
{
    if (!tulle__loop_init(&rig->loops[0], &tulle__world)) {
        return false;
    }
    assert_true(tulle__loop_init(&rig->loops[1], &tulle__world));
    assert_true(tulle__group_init(&rig->group, &rig->loops[0], &rig->loops[1]));
    return true;
}

static void rig_close(struct rig *rig)
{
    tulle__group_fini(&rig->group);
    tulle__loop_fini(&rig->loops[0]);
    tulle__loop_fini(&rig->loops[1]);
}

static bool is_readable(const struct rig *rig, int ms)
{
    struct pollfd poller = { .fd = rig->group.fd, .events = POLLIN };

    return poll(&poller, 1, ms) == 1;
}

static void run(struct rig *rig, unsigned ready)
{
    for (size_t i = 0; i < 2; i++) {
        if (ready & 1u << i) {
            tulle__loop_round(&rig->loops[i], 0);
        }
    }
    tulle__group_doze(&rig->group);
}

static void nothing(struct task *task)
{
    (void)task;
}

static void a_task_makes_the_descriptor_readable_until_it_ran(void **state)
{
    struct task task = { .run = nothing };
    struct rig rig;

    (void)state;
    assert_true(rig_open(&rig));
    for (size_t i = 0; i < 2; i++) {
        assert_false(is_readable(&rig, 0));
        assert_true(tulle__loop_post(&rig.loops[i], &task));
        assert_true(is_readable(&rig, 0));
        assert_true(tulle__group_due(&rig.group) == 0);
        assert_int_equal(tulle__group_wait(&rig.group, NEVER), 1u << i);
        run(&rig, 1u << i);
    }
    assert_false(is_readable(&rig, 0));
    assert_true(tulle__group_due(&rig.group) == NEVER);
    rig_close(&rig);
}

struct poster {
    struct task task;
    struct task again;
    struct loop *loop;
};

static void post_again(struct task *task)
{
    struct poster *poster = CONTAINER_OF(task, struct poster, task);

    tulle__loop_post(poster->loop, &poster->again);
}

/* Posted while its loop was running, and not run any more. */
static void a_task_that_is_left_over_makes_it_readable_too(void **state)
{
    struct poster poster = { .task.run = post_again, .again.run = nothing };
    struct rig rig;

    (void)state;
    assert_true(rig_open(&rig));
    poster.loop = &rig.loops[0];
    tulle__loop_post(&rig.loops[1], &poster.task);
    run(&rig, 1u << 1);
    assert_true(is_readable(&rig, 0));
    assert_int_equal(tulle__group_wait(&rig.group, NEVER), 1);
    run(&rig, 1);
    assert_false(is_readable(&rig, 0));
    rig_close(&rig);
}

static void drain(struct watch *watch, unsigned events)
{
    eventfd_t value;

    (void)events;
    eventfd_read(watch->fd, &value);
}

static void a_watched_descriptor_does_as_well(void **state)
{
    struct watch watch = { .fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
                           .events = LOOP_READ,
                           .ready = drain };
    struct rig rig;

    (void)state;
    assert_true(rig_open(&rig));
    assert_true(tulle__watch_add(&rig.loops[1], &watch));
    assert_int_equal(tulle__group_wait(&rig.group, 0), 0);
    eventfd_write(watch.fd, 1);
    assert_int_equal(tulle__group_wait(&rig.group, NEVER), 2);
    run(&rig, 2);
    assert_false(is_readable(&rig, 0));
    tulle__watch_remove(&rig.loops[1], &watch);
    close(watch.fd);
    rig_close(&rig);
}

static void fire(struct timer *timer, int64_t now)
{
    (void)timer;
    (void)now;
}

static void a_timer_ends_the_wait_though_nothing_is_readable(void **state)
{
    struct timer timer = { .fire = fire };
    struct rig rig;
    int64_t due;

    (void)state;
    assert_true(rig_open(&rig));
    assert_true(tulle__loop_reserve_timers(&rig.loops[0], 1));
    due = test_now() + 5 * NS_PER_MS;
    tulle__timer_arm(&rig.loops[0], &timer, due);
    assert_true(tulle__group_due(&rig.group) == due);
    assert_int_equal(tulle__group_wait(&rig.group, NEVER), 1);
    assert_true(test_now() >= due);
    assert_false(is_readable(&rig, 0));
    run(&rig, 1);
    assert_int_equal(tulle__group_wait(&rig.group, test_now() + NS_PER_MS), 0);
    rig_close(&rig);
}

enum { POSTS = 2000 };

struct stranger {
    struct rig rig;
    struct task tasks[POSTS];
};

static void *post_all(void *user)
{
    struct stranger *stranger = user;

    for (int i = 0; i < POSTS; i++) {
        tulle__loop_post(&stranger->rig.loops[i % 2], &stranger->tasks[i]);
    }
    return NULL;
}

static int tasks_run; /* by the one thread that runs the loops */

static void count_task(struct task *task)
{
    (void)task;
    tasks_run++;
}

/* Each wait is for the descriptor alone, and for a minute: one lost wake-up shows. */
static void no_post_of_another_thread_is_missed(void **state)
{
    static struct stranger stranger;
    pthread_t thread;

    (void)state;
    assert_true(rig_open(&stranger.rig));
    tasks_run = 0;
    for (int i = 0; i < POSTS; i++) {
        stranger.tasks[i] = (struct task){ .run = count_task };
    }
    assert_int_equal(pthread_create(&thread, NULL, post_all, &stranger), 0);
    while (tasks_run < POSTS) {
        assert_true(is_readable(&stranger.rig, 60000));
        run(&stranger.rig, tulle__group_wait(&stranger.rig.group, 0));
    }
    pthread_join(thread, NULL);
    rig_close(&stranger.rig);
}

TEST_MAIN(cmocka_unit_test(a_task_makes_the_descriptor_readable_until_it_ran),
          cmocka_unit_test(a_task_that_is_left_over_makes_it_readable_too),
          cmocka_unit_test(a_watched_descriptor_does_as_well),
          cmocka_unit_test(a_timer_ends_the_wait_though_nothing_is_readable),
          cmocka_unit_test(no_post_of_another_thread_is_missed))

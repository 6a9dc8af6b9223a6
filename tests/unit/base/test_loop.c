/* SPDX-License-Identifier: Apache-2.0 */

#include "harness/test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"

/* --- a virtual world --- */

static int64_t virtual_now(void *user)
{
    return *(int64_t *)user;
}

struct setting {
    int64_t now;
    struct world world;
    struct loop loop;
    char story[64];
    size_t told;
};

static struct setting setting; /* of the test that runs */

static void tell(char what)
{
    setting.story[setting.told++] = what;
}

static void setting_begin(bool is_virtual)
{
    setting = (struct setting){ .now = NS_PER_S, .world = tulle__world };
    if (is_virtual) {
        setting.world = (struct world){ virtual_now, virtual_now, NULL, &setting.now, true };
    }
    assert_true(tulle__loop_init(&setting.loop, &setting.world));
}

static void setting_end(const char *story)
{
    assert_string_equal(setting.story, story);
    tulle__loop_fini(&setting.loop);
}

/* --- tasks --- */

struct letter {
    struct task task;
    char what;
    int again;
};

static void letter_run(struct task *task)
{
    struct letter *letter = CONTAINER_OF(task, struct letter, task);

    tell(letter->what);
    if (letter->again > 0) {
        letter->again--;
        assert_true(tulle__loop_post(&setting.loop, task));
    }
}

static void tasks_run_in_the_order_they_were_posted(void **state)
{
    struct letter a = { .task.run = letter_run, .what = 'a' };
    struct letter b = { .task.run = letter_run, .what = 'b' };
    struct letter c = { .task.run = letter_run, .what = 'c' };

    (void)state;
    setting_begin(true);
    assert_int_equal(tulle__loop_due(&setting.loop), NEVER);
    assert_true(tulle__loop_post(&setting.loop, &a.task));
    assert_true(tulle__loop_post(&setting.loop, &b.task));
    assert_true(tulle__loop_post(&setting.loop, &c.task));
    assert_int_equal(tulle__loop_due(&setting.loop), 0);
    tulle__loop_round(&setting.loop, NEVER);
    assert_int_equal(tulle__loop_due(&setting.loop), NEVER);
    setting_end("abc");
}

static void a_task_that_waits_is_not_posted_twice(void **state)
{
    struct letter a = { .task.run = letter_run, .what = 'a' };

    (void)state;
    setting_begin(true);
    assert_true(tulle__loop_post(&setting.loop, &a.task));
    assert_false(tulle__loop_post(&setting.loop, &a.task));
    tulle__loop_round(&setting.loop, NEVER);
    assert_true(tulle__loop_post(&setting.loop, &a.task));
    tulle__loop_round(&setting.loop, NEVER);
    setting_end("aa");
}

static void a_task_that_posts_itself_does_not_hold_up_the_round(void **state)
{
    struct letter a = { .task.run = letter_run, .what = 'a', .again = 5 };

    (void)state;
    setting_begin(true);
    tulle__loop_post(&setting.loop, &a.task);
    tulle__loop_round(&setting.loop, NEVER);
    assert_in_range(setting.told, 1, 2);
    while (tulle__loop_due(&setting.loop) == 0) {
        tulle__loop_round(&setting.loop, NEVER);
    }
    setting_end("aaaaaa");
}

/* --- timers --- */

struct bell {
    struct timer timer;
    char what;
    struct timer *stops;
    int64_t due;
    int again;
};

static void bell_fire(struct timer *timer, int64_t now)
{
    struct bell *bell = CONTAINER_OF(timer, struct bell, timer);

    assert_int_equal(now, setting.loop.now);
    assert_int_equal(timer->node.index, 0);
    tell(bell->what);
    if (bell->stops) {
        tulle__timer_disarm(&setting.loop, bell->stops);
    }
    if (bell->again > 0) {
        bell->again--;
        tulle__timer_arm(&setting.loop, timer, bell->due);
    }
}

static void ring(int64_t now)
{
    setting.now = now;
    tulle__loop_round(&setting.loop, now);
}

static void timers_fire_when_due_and_in_that_order(void **state)
{
    struct bell a = { .timer.fire = bell_fire, .what = 'a' };
    struct bell b = { .timer.fire = bell_fire, .what = 'b' };
    struct bell c = { .timer.fire = bell_fire, .what = 'c' };

    (void)state;
    setting_begin(true);
    assert_true(tulle__loop_reserve_timers(&setting.loop, 3));
    tulle__timer_arm(&setting.loop, &a.timer, 3 * NS_PER_S);
    tulle__timer_arm(&setting.loop, &b.timer, 2 * NS_PER_S);
    tulle__timer_arm(&setting.loop, &c.timer, 3 * NS_PER_S);
    assert_int_equal(tulle__loop_due(&setting.loop), 2 * NS_PER_S);
    ring(2 * NS_PER_S - 1);
    assert_int_equal(setting.told, 0);
    ring(2 * NS_PER_S);
    assert_int_equal(setting.told, 1);
    ring(9 * NS_PER_S);
    tulle__loop_release_timers(&setting.loop, 3);
    setting_end("bac");
}

static void arming_an_armed_timer_moves_it(void **state)
{
    struct bell a = { .timer.fire = bell_fire, .what = 'a' };

    (void)state;
    setting_begin(true);
    assert_true(tulle__loop_reserve_timers(&setting.loop, 1));
    tulle__timer_arm(&setting.loop, &a.timer, 2 * NS_PER_S);
    tulle__timer_arm(&setting.loop, &a.timer, 5 * NS_PER_S);
    ring(4 * NS_PER_S);
    assert_int_equal(setting.told, 0);
    ring(5 * NS_PER_S);
    tulle__timer_arm(&setting.loop, &a.timer, 6 * NS_PER_S);
    tulle__timer_disarm(&setting.loop, &a.timer);
    tulle__timer_disarm(&setting.loop, &a.timer);
    ring(7 * NS_PER_S);
    setting_end("a");
}

static void a_timer_may_stop_another_that_is_due_too(void **state)
{
    struct bell b = { .timer.fire = bell_fire, .what = 'b' };
    struct bell a = { .timer.fire = bell_fire, .what = 'a', .stops = &b.timer };

    (void)state;
    setting_begin(true);
    assert_true(tulle__loop_reserve_timers(&setting.loop, 2));
    tulle__timer_arm(&setting.loop, &a.timer, 2 * NS_PER_S);
    tulle__timer_arm(&setting.loop, &b.timer, 2 * NS_PER_S);
    ring(3 * NS_PER_S);
    setting_end("a");
}

static void a_timer_that_arms_itself_in_the_past_lets_the_others_fire(void **state)
{
    struct bell a = { .timer.fire = bell_fire, .what = 'a', .again = 1000 };
    struct bell b = { .timer.fire = bell_fire, .what = 'b' };

    (void)state;
    setting_begin(true);
    assert_true(tulle__loop_reserve_timers(&setting.loop, 2));
    tulle__timer_arm(&setting.loop, &a.timer, 2 * NS_PER_S);
    tulle__timer_arm(&setting.loop, &b.timer, 3 * NS_PER_S);
    ring(3 * NS_PER_S);
    tulle__timer_disarm(&setting.loop, &a.timer);
    setting_end("ab");
}

static void arming_within_the_reserve_does_not_allocate(void **state)
{
    struct bell bells[100];
    uint64_t before;
    size_t i;

    (void)state;
    setting_begin(true);
    for (i = 0; i < COUNT_OF(bells); i++) {
        assert_true(tulle__loop_reserve_timers(&setting.loop, 1));
        bells[i] = (struct bell){ .timer.fire = bell_fire, .what = '.' };
    }
    before = test_allocations();
    for (i = 0; i < COUNT_OF(bells); i++) {
        tulle__timer_arm(&setting.loop, &bells[i].timer, 2 * NS_PER_S);
    }
    assert_int_equal(test_allocations(), before);
    setting_end("");
}

static void a_virtual_loop_has_no_descriptors(void **state)
{
    struct watch watch = { .fd = -1, .events = LOOP_READ };
    int before = test_descriptors();

    (void)state;
    setting_begin(true);
    assert_true(tulle__watch_add(&setting.loop, &watch));
    assert_true(tulle__watch_change(&setting.loop, &watch, LOOP_WRITE));
    tulle__watch_remove(&setting.loop, &watch);
    assert_int_equal(test_descriptors(), before);
    setting_end("");
}

/* --- descriptors --- */

struct ear {
    struct watch watch;
    char what;
    struct ear *deafens;
    int peer;
};

static void ear_ready(struct watch *watch, unsigned events)
{
    struct ear *ear = CONTAINER_OF(watch, struct ear, watch);

    tell(ear->what);
    tell(events == LOOP_READ ? 'r' : events == LOOP_WRITE ? 'w' : '+');
    if (ear->deafens) {
        tulle__watch_remove(&setting.loop, &ear->deafens->watch);
        /* What is freed may be reused: a late event would show. */
        memset(ear->deafens, 0x5A, sizeof(*ear->deafens));
    }
}

static void ear_open(struct ear *ear, char what, unsigned events)
{
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    *ear = (struct ear){ .watch = { pair[0], events, ear_ready }, .what = what, .peer = pair[1] };
    assert_true(tulle__watch_add(&setting.loop, &ear->watch));
}

static void ear_close(struct ear *ear)
{
    tulle__watch_remove(&setting.loop, &ear->watch);
    close(ear->watch.fd);
    close(ear->peer);
}

static void poke(const struct ear *ear)
{
    assert_int_equal(send(ear->peer, "x", 1, MSG_NOSIGNAL), 1);
}

static void a_watch_hears_what_it_asked_for(void **state)
{
    struct ear ear;

    (void)state;
    setting_begin(false);
    ear_open(&ear, 'a', LOOP_READ);
    tulle__loop_round(&setting.loop, 0);
    poke(&ear);
    tulle__loop_round(&setting.loop, NEVER);
    assert_true(tulle__watch_change(&setting.loop, &ear.watch, LOOP_WRITE));
    tulle__loop_round(&setting.loop, NEVER);
    assert_true(tulle__watch_change(&setting.loop, &ear.watch, LOOP_READ | LOOP_WRITE));
    tulle__loop_round(&setting.loop, NEVER);
    ear_close(&ear);
    setting_end("arawa+");
}

static void a_silent_watch_does_not_even_hear_a_hang_up(void **state)
{
    struct ear ear;

    (void)state;
    setting_begin(false);
    ear_open(&ear, 'a', LOOP_READ);
    assert_true(tulle__watch_change(&setting.loop, &ear.watch, 0));
    shutdown(ear.peer, SHUT_RDWR);
    tulle__loop_round(&setting.loop, 0);
    assert_int_equal(setting.told, 0);
    assert_true(tulle__watch_change(&setting.loop, &ear.watch, LOOP_READ));
    tulle__loop_round(&setting.loop, NEVER);
    ear_close(&ear);
    setting_end("ar");
}

static void a_watch_that_was_removed_gets_no_late_event(void **state)
{
    struct ear a, b, copy_of_a, copy_of_b;

    (void)state;
    setting_begin(false);
    ear_open(&a, 'x', LOOP_READ);
    ear_open(&b, 'x', LOOP_READ);
    a.deafens = &b;
    b.deafens = &a;
    copy_of_a = a;
    copy_of_b = b;
    poke(&a);
    poke(&b);
    tulle__loop_round(&setting.loop, NEVER);
    assert_int_equal(setting.told, 2);
    ear_close(&copy_of_a);
    ear_close(&copy_of_b);
    setting_end("xr");
}

static void a_descriptor_that_epoll_refuses_is_told(void **state)
{
    struct watch watch = { .fd = 1000000, .events = LOOP_READ };

    (void)state;
    setting_begin(false);
    assert_false(tulle__watch_add(&setting.loop, &watch));
    setting_end("");
}

static void descriptors_are_not_inherited(void **state)
{
    (void)state;
    setting_begin(false);
    assert_true(fcntl(setting.loop.epoll_fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(setting.loop.wake_fd, F_GETFD) & FD_CLOEXEC);
    setting_end("");
}

/* --- waiting and waking --- */

static void a_round_waits_for_the_next_timer(void **state)
{
    struct bell a = { .timer.fire = bell_fire, .what = 'a' };
    int64_t before = test_now();

    (void)state;
    setting_begin(false);
    assert_true(tulle__loop_reserve_timers(&setting.loop, 1));
    tulle__timer_arm(&setting.loop, &a.timer, before + 3 * NS_PER_MS);
    while (setting.told == 0) {
        tulle__loop_round(&setting.loop, NEVER);
    }
    assert_in_range(test_now() - before, 3 * NS_PER_MS, NS_PER_S);
    assert_in_range(setting.loop.rounds, 1, 2);
    setting_end("a");
}

static void a_round_that_had_something_to_do_does_not_wait(void **state)
{
    struct letter a = { .task.run = letter_run, .what = 'a' };

    (void)state;
    setting_begin(false);
    tulle__loop_post(&setting.loop, &a.task);
    tulle__loop_round(&setting.loop, NEVER);
    setting_end("a");
}

static void an_answer_that_is_there_comes_before_a_timeout_that_is_due(void **state)
{
    struct bell bell = { .timer.fire = bell_fire, .what = 'b' };
    struct ear ear;

    (void)state;
    setting_begin(false);
    assert_true(tulle__loop_reserve_timers(&setting.loop, 1));
    ear_open(&ear, 'a', LOOP_READ);
    tulle__timer_arm(&setting.loop, &bell.timer, 1);
    poke(&ear);
    tulle__loop_round(&setting.loop, NEVER);
    ear_close(&ear);
    setting_end("arb");
}

enum { POSTS = 20000 };

struct counter {
    struct task task;
    struct loop *loop;
    atomic_int ran;
};

static void counter_run(struct task *task)
{
    atomic_fetch_add(&CONTAINER_OF(task, struct counter, task)->ran, 1);
}

/* Posts, and waits until it ran: a wake-up that is lost would hang here. */
static void post_often(void *user)
{
    struct counter *counter = user;
    int i;

    for (i = 1; i <= POSTS; i++) {
        assert_true(tulle__loop_post(counter->loop, &counter->task));
        while (atomic_load(&counter->ran) < i) {
        }
    }
}

static void no_wake_up_is_lost(void **state)
{
    struct counter counter = { .task.run = counter_run };
    struct thread thread = { 0 };

    (void)state;
    setting_begin(false);
    counter.loop = &setting.loop;
    assert_true(tulle__thread_start(&thread, "poster", post_often, &counter));
    while (atomic_load(&counter.ran) < POSTS) {
        tulle__loop_round(&setting.loop, NEVER);
    }
    tulle__thread_join(&thread);
    setting_end("");
}

static void a_loop_needs_no_memory_until_a_timer_is_reserved(void **state)
{
    int i;

    (void)state;
    setting_begin(false);
    for (i = 0; i < 50; i++) {
        CHECK_OR_DONE(tulle__loop_reserve_timers(&setting.loop, 1));
    }
done:
    setting_end("");
}

TEST_MAIN(cmocka_unit_test(tasks_run_in_the_order_they_were_posted),
          cmocka_unit_test(a_task_that_waits_is_not_posted_twice),
          cmocka_unit_test(a_task_that_posts_itself_does_not_hold_up_the_round),
          cmocka_unit_test(timers_fire_when_due_and_in_that_order),
          cmocka_unit_test(arming_an_armed_timer_moves_it),
          cmocka_unit_test(a_timer_may_stop_another_that_is_due_too),
          cmocka_unit_test(a_timer_that_arms_itself_in_the_past_lets_the_others_fire),
          cmocka_unit_test(arming_within_the_reserve_does_not_allocate),
          cmocka_unit_test(a_virtual_loop_has_no_descriptors),
          cmocka_unit_test(a_watch_hears_what_it_asked_for),
          cmocka_unit_test(a_silent_watch_does_not_even_hear_a_hang_up),
          cmocka_unit_test(a_watch_that_was_removed_gets_no_late_event),
          cmocka_unit_test(a_descriptor_that_epoll_refuses_is_told),
          cmocka_unit_test(descriptors_are_not_inherited),
          cmocka_unit_test(a_round_waits_for_the_next_timer),
          cmocka_unit_test(a_round_that_had_something_to_do_does_not_wait),
          cmocka_unit_test(an_answer_that_is_there_comes_before_a_timeout_that_is_due),
          cmocka_unit_test(no_wake_up_is_lost),
          TEST_OOM(a_loop_needs_no_memory_until_a_timer_is_reserved))

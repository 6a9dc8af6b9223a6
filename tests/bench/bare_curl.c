/* SPDX-License-Identifier: Apache-2.0 */

/* The bare peer: what a careful program gets from libcurl with nothing of ours
 * between. Reused easy handles, NOSIGNAL, multi_socket on epoll, CONNECT_TO.
 *
 *   bare_curl call URL CONNECT_TO IN_FLIGHT WARM_MS RUN_MS
 *       calls as fast as they come back, prints what RUN_MS of it gave
 *   bare_curl hold URL CONNECT_TO COUNT
 *       starts COUNT calls at once, each on its own connection. The server
 *       holds its answers; a line on stdin says that it has all requests. Then
 *       prints the growth of resident memory, and again when all are answered.
 *
 * One JSON line each. Keep it one file, and keep our headers out of it. */

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, SAMPLES_MAX = 1 << 21, HOLD_STEP = 100 };

struct call {
    CURL *easy;
    int64_t started;
    size_t bytes;
};

struct bench {
    CURLM *multi;
    int epoll;
    int64_t timer; /* when libcurl wants to be called; INT64_MAX: not */
    struct call *calls;
    size_t call_count;
    uint64_t done, failed;
    bool again; /* a call that is over starts anew */
    bool sampling;
    uint32_t *samples; /* ns */
    size_t sample_count;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t cpu_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
}

static void fail(const char *what)
{
    fprintf(stderr, "bare_curl: %s\n", what);
    exit(1);
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct call *call = user;

    (void)data;
    call->bytes += size * count;
    return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    struct bench *bench = user;
    struct epoll_event event = { .data.fd = fd };

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(bench->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    epoll_ctl(bench->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    if (!known) {
        curl_multi_assign(bench->multi, fd, bench);
    }
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct bench *bench = user;

    (void)multi;
    bench->timer = timeout_ms < 0    ? INT64_MAX
                   : timeout_ms == 0 ? 0
                                     : now_ns() + timeout_ms * INT64_C(1000000);
    return 0;
}

static void call_start(struct bench *bench, struct call *call)
{
    call->started = now_ns();
    call->bytes = 0;
    if (curl_multi_add_handle(bench->multi, call->easy) != CURLM_OK) {
        fail("curl_multi_add_handle");
    }
}

static void call_prepare(struct call *call, const char *url, struct curl_slist *connect_to)
{
    call->easy = curl_easy_init();
    if (!call->easy) {
        fail("curl_easy_init");
    }
    curl_easy_setopt(call->easy, CURLOPT_URL, url);
    curl_easy_setopt(call->easy, CURLOPT_CONNECT_TO, connect_to);
    curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(call->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
}

static void bench_open(struct bench *bench, const char *url, const char *to, size_t count)
{
    struct curl_slist *connect_to = curl_slist_append(NULL, to);

    bench->multi = curl_multi_init();
    bench->epoll = epoll_create1(EPOLL_CLOEXEC);
    bench->timer = INT64_MAX;
    bench->call_count = count;
    bench->calls = calloc(count, sizeof(*bench->calls));
    if (!connect_to || !bench->multi || bench->epoll < 0 || !bench->calls) {
        fail("no memory");
    }
    curl_multi_setopt(bench->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(bench->multi, CURLMOPT_SOCKETDATA, bench);
    curl_multi_setopt(bench->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(bench->multi, CURLMOPT_TIMERDATA, bench);
    curl_multi_setopt(bench->multi, CURLMOPT_MAXCONNECTS, (long)count);
    for (size_t i = 0; i < count; i++) {
        call_prepare(&bench->calls[i], url, connect_to);
    }
}

static void sample(struct bench *bench, int64_t took)
{
    if (bench->sampling && bench->sample_count < SAMPLES_MAX) {
        bench->samples[bench->sample_count++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    }
}

static void call_ended(struct bench *bench, CURL *easy, CURLcode code)
{
    struct call *call = NULL;
    long status = 0;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    sample(bench, now_ns() - call->started);
    bench->done++;
    bench->failed += code != CURLE_OK || status != 200 || call->bytes == 0;
    curl_multi_remove_handle(bench->multi, easy);
    if (bench->again) {
        call_start(bench, call);
    }
}

static int wait_ms(const struct bench *bench, int64_t due)
{
    int64_t until = bench->timer < due ? bench->timer : due;
    int64_t left = until - now_ns();

    return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static void one_round(struct bench *bench, int64_t due)
{
    struct epoll_event events[EVENTS];
    int running, left;
    int count = epoll_wait(bench->epoll, events, EVENTS, wait_ms(bench, due));
    CURLMsg *message;

    for (int i = 0; i < count; i++) {
        int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

        curl_multi_socket_action(bench->multi, events[i].data.fd, mask, &running);
    }
    if (bench->timer <= now_ns()) {
        bench->timer = INT64_MAX;
        curl_multi_socket_action(bench->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    while ((message = curl_multi_info_read(bench->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            call_ended(bench, message->easy_handle, message->data.result);
        }
    }
}

static void run_until(struct bench *bench, int64_t due)
{
    while (now_ns() < due) {
        one_round(bench, due);
    }
}

/* --- call --- */

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return left < right ? -1 : left > right;
}

static double percentile_us(const struct bench *bench, double share)
{
    size_t at = (size_t)((double)bench->sample_count * share);

    if (bench->sample_count == 0) {
        return 0;
    }
    return bench->samples[at < bench->sample_count ? at : bench->sample_count - 1] / 1e3;
}

static int bench_call(struct bench *bench, int64_t warm_ns, int64_t run_ns)
{
    int64_t began, took, cpu;
    uint64_t done;

    bench->again = true;
    bench->samples = malloc(SAMPLES_MAX * sizeof(*bench->samples));
    if (!bench->samples) {
        fail("no memory");
    }
    for (size_t i = 0; i < bench->call_count; i++) {
        call_start(bench, &bench->calls[i]);
    }
    run_until(bench, now_ns() + warm_ns);
    done = bench->done;
    cpu = cpu_ns();
    began = now_ns();
    bench->sampling = true;
    run_until(bench, began + run_ns);
    took = now_ns() - began;
    cpu = cpu_ns() - cpu;
    done = bench->done - done;
    qsort(bench->samples, bench->sample_count, sizeof(*bench->samples), by_value);
    printf("{\"requests\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"all\": %" PRIu64
           ", \"rps\": %.1f, \"cpu_us\": %.3f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n",
           done, bench->failed, bench->done, (double)done * 1e9 / (double)took,
           (double)cpu / 1e3 / (double)(done ? done : 1), percentile_us(bench, 0.50),
           percentile_us(bench, 0.99));
    return bench->failed ? 1 : 0;
}

/* --- hold --- */

static long resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long size = 0, resident = 0;

    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2) {
        fail("/proc/self/statm");
    }
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

/* A storm of SYNs would overrun the server's backlog and cost a second each.
 * Looking for an idle connection, libcurl walks all that are busy, each time:
 * told that there is none, it starts 10,000 calls in a tenth of the CPU. */
static void hold_start(struct bench *bench)
{
    for (size_t i = 0; i < bench->call_count; i++) {
        curl_easy_setopt(bench->calls[i].easy, CURLOPT_FRESH_CONNECT, 1L);
        call_start(bench, &bench->calls[i]);
        if (i % HOLD_STEP == HOLD_STEP - 1) {
            run_until(bench, now_ns() + 5000000);
        }
    }
}

static void wait_for_line(struct bench *bench)
{
    char byte;

    while (read(STDIN_FILENO, &byte, 1) != 1) {
        if (errno != EAGAIN) {
            fail("stdin");
        }
        run_until(bench, now_ns() + 10000000);
    }
}

static int bench_hold(struct bench *bench, long before)
{
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    hold_start(bench);
    wait_for_line(bench);
    printf("{\"waiting\": %zu, \"grown\": %ld}\n", bench->call_count - (size_t)bench->done,
           resident_bytes() - before);
    fflush(stdout);
    while (bench->done < bench->call_count) {
        run_until(bench, now_ns() + 1000000);
    }
    printf("{\"answered\": %" PRIu64 ", \"failed\": %" PRIu64 "}\n", bench->done - bench->failed,
           bench->failed);
    return bench->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct bench bench = { .done = 0 };
    long before;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fail("curl_global_init");
    }
    if (argc == 7 && strcmp(argv[1], "call") == 0) {
        bench_open(&bench, argv[2], argv[3], strtoul(argv[4], NULL, 10));
        return bench_call(&bench, strtol(argv[5], NULL, 10) * 1000000,
                          strtol(argv[6], NULL, 10) * 1000000);
    }
    if (argc == 5 && strcmp(argv[1], "hold") == 0) {
        before = resident_bytes();
        bench_open(&bench, argv[2], argv[3], strtoul(argv[4], NULL, 10));
        return bench_hold(&bench, before);
    }
    fprintf(stderr, "usage: bare_curl call URL CONNECT_TO IN_FLIGHT WARM_MS RUN_MS\n"
                    "       bare_curl hold URL CONNECT_TO COUNT\n");
    return 2;
}

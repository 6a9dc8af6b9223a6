/* SPDX-License-Identifier: Apache-2.0 */

/* The resolver that the library uses: a c-ares channel on the control step's
 * loop. Its sockets are ours (close-on-exec, no SIGPIPE) and are watched as
 * c-ares says in its state callback; its timeouts are one timer. It makes no
 * thread, and waits for nobody: /etc/hosts is read at each question, from disk.
 *
 * A name with a dot is asked for as it is; only one without goes through the
 * search domains of resolv.conf (what Envoy and Istio do; five questions for
 * each name is what ndots is known for).
 *
 * resolv.conf is read when the channel is made, and again (a new channel, as
 * Envoy does it) after a question that no server answered. */

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fork.h"
#include "dns/address.h"
#include "dns/message.h"

enum {
    TRY_MS = 2000, /* doubled at each of the tries: 14 s with one server that is silent */
    TRIES = 3,
    /* What fits through any path (DNS flag day 2020); the rest goes over TCP. */
    EDNS_SIZE = 1232,
    CLASS_IN = 1,
    CODE_AT = 3, /* RFC 1035 4.1.1 */
    CODE_MASK = 15,
    CODE_REFUSED = 5,
    TYPE_A = 1,
    TYPE_AAAA = 28
};

struct resolver {
    struct loop *loop;
    const struct log *log;
    char *servers;
    ares_channel channel; /* NULL: to be made */
    struct timer timer;
    struct list sockets; /* struct cares_socket */
    struct list closed;  /* of them, those that c-ares has closed while it ran */
    unsigned running;    /* c-ares' functions that are not back yet */
    unsigned asked;      /* questions without an answer */
    int code;            /* of the last message; 0: it was none, or all is well */
    bool stale;          /* no server answered: read resolv.conf again */
    bool closing;
    bool reserved;
};

struct cares_socket {
    struct watch watch;
    struct list node;
    struct resolver *resolver;
};

struct cares_question {
    struct resolver *resolver;
    struct resolver_query *query;
    bool is_ipv6;
};

/* --- what c-ares asks of sockets --- */

static ares_socket_t socket_open(int family, int type, int protocol, void *user)
{
    (void)user;
    return tulle__fork_own(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}

static int socket_close(ares_socket_t fd, void *user)
{
    (void)user;
    tulle__fork_disown(fd);
    return close(fd);
}

static int socket_connect(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t size,
                          void *user)
{
    (void)user;
    return connect(fd, address, size);
}

/* Of a server's refusal c-ares (1.18) says no more than that nobody took the
 * question; which it was stands in the message that came right before. */
static ares_ssize_t socket_receive(ares_socket_t fd, void *data, size_t size, int flags,
                                   struct sockaddr *from, ares_socklen_t *from_size, void *user)
{
    struct resolver *resolver = user;
    ssize_t received = recvfrom(fd, data, size, flags, from, from_size);

    resolver->code = from && received > CODE_AT ? ((unsigned char *)data)[CODE_AT] & CODE_MASK : 0;
    return received;
}

static ares_ssize_t socket_send(ares_socket_t fd, const struct iovec *pieces, int count, void *user)
{
    struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces,
                              .msg_iovlen = (size_t)count };

    (void)user;
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
    .asocket = socket_open,
    .aclose = socket_close,
    .aconnect = socket_connect,
    .arecvfrom = socket_receive,
    .asendv = socket_send,
};

/* --- driving it --- */

static void closed_free(struct resolver *resolver)
{
    struct list *node;

    while ((node = list_first(&resolver->closed))) {
        list_remove(node);
        tulle__free(CONTAINER_OF(node, struct cares_socket, node));
    }
}

/* After each way into c-ares. */
static void cares_settle(struct resolver *resolver)
{
    struct timeval left;

    if (--resolver->running > 0 || resolver->closing) {
        return;
    }
    closed_free(resolver);
    if (!ares_timeout(resolver->channel, NULL, &left)) {
        tulle__timer_disarm(resolver->loop, &resolver->timer);
        return;
    }
    tulle__timer_arm(resolver->loop, &resolver->timer,
                     world_now(resolver->loop->world) + left.tv_sec * NS_PER_S +
                         left.tv_usec * INT64_C(1000));
}

static void cares_process(struct resolver *resolver, int readable, int writable)
{
    resolver->running++;
    ares_process_fd(resolver->channel, readable, writable);
    cares_settle(resolver);
}

static void timer_fire(struct timer *timer, int64_t now)
{
    struct resolver *resolver = CONTAINER_OF(timer, struct resolver, timer);

    (void)now;
    if (resolver->channel) {
        cares_process(resolver, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
}

static void socket_ready(struct watch *watch, unsigned events)
{
    struct cares_socket *each = CONTAINER_OF(watch, struct cares_socket, watch);

    cares_process(each->resolver, events & LOOP_READ ? watch->fd : ARES_SOCKET_BAD,
                  events & LOOP_WRITE ? watch->fd : ARES_SOCKET_BAD);
}

static struct cares_socket *socket_find(struct resolver *resolver, int fd)
{
    for (struct list *node = resolver->sockets.next; node != &resolver->sockets;
         node = node->next) {
        struct cares_socket *each = CONTAINER_OF(node, struct cares_socket, node);

        if (each->watch.fd == fd) {
            return each;
        }
    }
    return NULL;
}

/* Without memory for it the question runs into its timeout. */
static void socket_watch(struct resolver *resolver, int fd, unsigned events)
{
    struct cares_socket *made = ALLOC_ZERO(struct cares_socket);

    if (!made) {
        return;
    }
    made->resolver = resolver;
    made->watch = (struct watch){ .fd = fd, .events = events, .ready = socket_ready };
    if (!tulle__watch_add(resolver->loop, &made->watch)) {
        tulle__free(made);
        return;
    }
    list_add_last(&resolver->sockets, &made->node);
}

/* 0 and 0: it is about to be closed. Its watch may be the one that runs now. */
static void socket_state(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = user;
    struct cares_socket *each = socket_find(resolver, fd);
    unsigned events = (readable ? (unsigned)LOOP_READ : 0) | (writable ? (unsigned)LOOP_WRITE : 0);

    if (!each && events != 0) {
        socket_watch(resolver, fd, events);
        return;
    }
    if (!each) {
        return;
    }
    if (events != 0) {
        tulle__watch_change(resolver->loop, &each->watch, events);
        return;
    }
    tulle__watch_remove(resolver->loop, &each->watch);
    list_remove(&each->node);
    list_add_last(&resolver->closed, &each->node);
}

/* --- the channel --- */

static void channel_close(struct resolver *resolver)
{
    if (resolver->channel) {
        resolver->running++;
        ares_destroy(resolver->channel);
        resolver->running--;
        resolver->channel = NULL;
    }
    closed_free(resolver);
}

/* c-ares' status; the channel is made, or NULL. */
static int channel_open(struct resolver *resolver)
{
    struct ares_options options = {
        .flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES,
        .timeout = TRY_MS,
        .tries = TRIES,
        .ednspsz = EDNS_SIZE,
        .sock_state_cb = socket_state,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_SOCK_STATE_CB;
    int status = ares_init_options(&resolver->channel, &options, mask);

    if (status != ARES_SUCCESS) {
        resolver->channel = NULL;
        return status;
    }
    ares_set_socket_functions(resolver->channel, &socket_functions, resolver);
    if (resolver->servers) {
        status = ares_set_servers_ports_csv(resolver->channel, resolver->servers);
    }
    if (status != ARES_SUCCESS) {
        channel_close(resolver);
    }
    resolver->stale = false;
    return status;
}

/* --- questions --- */

static enum dns_fault fault_of(const struct resolver *resolver, int status)
{
    switch (status) {
    case ARES_SUCCESS: return DNS_OK;
    case ARES_ENODATA: return DNS_NO_DATA;
    case ARES_ENOTFOUND:
    case ARES_EBADNAME: return DNS_NO_NAME;
    case ARES_EREFUSED:
    case ARES_ECONNREFUSED:
        return resolver->code == 0 || resolver->code == CODE_REFUSED ? DNS_REFUSED : DNS_SERVFAIL;
    case ARES_ETIMEOUT: return DNS_TIMEOUT;
    case ARES_EBADRESP: return DNS_BAD_REPLY;
    case ARES_ENOMEM: return DNS_NO_MEMORY;
    default: return DNS_SERVFAIL;
    }
}

static void question_answer(struct resolver_query *query, struct resolver_result *result)
{
    query->done(query, result);
    tulle__free((void *)(uintptr_t)result->addresses);
}

static void question_done(void *user, int status, int timeouts, unsigned char *data, int size)
{
    struct cares_question *question = user;
    struct resolver *resolver = question->resolver;
    struct resolver_query *query = question->query;
    enum dns_fault fault = fault_of(resolver, status);
    struct resolver_result result;

    (void)timeouts;
    tulle__dns_message_read(data, size > 0 ? (size_t)size : 0, question->is_ipv6, fault, &result);
    tulle__free(question);
    resolver->asked--;
    resolver->stale = resolver->stale || fault == DNS_TIMEOUT || fault == DNS_REFUSED;
    if (resolver->closing) {
        tulle__free((void *)(uintptr_t)result.addresses);
        return;
    }
    question_answer(query, &result);
}

static void query_fail(struct resolver_query *query, enum dns_fault fault)
{
    query->done(query, &(struct resolver_result){ .fault = fault, .ttl_ns = NEVER });
}

/* --- /etc/hosts --- */

static size_t entry_count(const struct hostent *entry)
{
    size_t count = 0;

    while (entry->h_addr_list[count]) {
        count++;
    }
    return count;
}

static bool hosts_copy(const struct hostent *entry, bool is_ipv6, struct resolver_result *result)
{
    size_t count = entry_count(entry);
    struct dns_address *addresses = tulle__alloc_zero(count + 1, sizeof(*addresses));

    if (!addresses) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        addresses[i].is_ipv6 = is_ipv6;
        memcpy(addresses[i].bytes, entry->h_addr_list[i], is_ipv6 ? 16 : 4);
    }
    *result = (struct resolver_result){ .addresses = addresses, .count = count, .ttl_ns = NEVER };
    return true;
}

/* A name that is there with one family alone has no address of the other. */
static bool hosts_answer(struct resolver *resolver, struct resolver_query *query, const char *host,
                         bool is_ipv6)
{
    struct resolver_result result = { .fault = DNS_NO_DATA, .ttl_ns = NEVER };
    struct hostent *entry = NULL;
    bool found = ares_gethostbyname_file(resolver->channel, host, is_ipv6 ? AF_INET6 : AF_INET,
                                         &entry) == ARES_SUCCESS;

    if (found) {
        if (!hosts_copy(entry, is_ipv6, &result)) {
            result.fault = DNS_NO_MEMORY;
        }
        ares_free_hostent(entry);
        question_answer(query, &result);
        return true;
    }
    if (ares_gethostbyname_file(resolver->channel, host, is_ipv6 ? AF_INET : AF_INET6, &entry) !=
        ARES_SUCCESS) {
        return false;
    }
    ares_free_hostent(entry);
    query->done(query, &result);
    return true;
}

static void cares_ask(struct resolver *resolver, struct cares_question *question, struct str host)
{
    int type = question->is_ipv6 ? TYPE_AAAA : TYPE_A;

    resolver->asked++;
    resolver->running++;
    if (memchr(host.data, '.', host.size)) {
        ares_query(resolver->channel, host.data, CLASS_IN, type, question_done, question);
    } else {
        ares_search(resolver->channel, host.data, CLASS_IN, type, question_done, question);
    }
    cares_settle(resolver);
}

static void cares_start(struct resolver *resolver, struct resolver_query *query, struct str host,
                        bool is_ipv6)
{
    struct cares_question *question;

    if (resolver->stale && resolver->asked == 0 && resolver->running == 0) {
        channel_close(resolver);
    }
    if (!resolver->channel && channel_open(resolver) != ARES_SUCCESS) {
        query_fail(query, DNS_NO_MEMORY);
        return;
    }
    if (hosts_answer(resolver, query, host.data, is_ipv6)) {
        return;
    }
    question = ALLOC_ZERO(struct cares_question);
    if (!question) {
        query_fail(query, DNS_NO_MEMORY);
        return;
    }
    *question = (struct cares_question){ resolver, query, is_ipv6 };
    cares_ask(resolver, question, host);
}

/* --- birth and death --- */

static void cares_close(struct resolver *resolver)
{
    resolver->closing = true;
    channel_close(resolver);
    tulle__timer_disarm(resolver->loop, &resolver->timer);
    if (resolver->reserved) {
        tulle__loop_release_timers(resolver->loop, 1);
    }
    tulle__free(resolver->servers);
    tulle__free(resolver);
}

static bool cares_prepare(struct resolver *resolver, const char *servers)
{
    int status;

    resolver->reserved = tulle__loop_reserve_timers(resolver->loop, 1);
    if (!resolver->reserved || !servers) {
        return resolver->reserved;
    }
    resolver->servers = tulle__strndup(servers, strlen(servers));
    if (!resolver->servers) {
        return false;
    }
    status = channel_open(resolver);
    if (status != ARES_SUCCESS) {
        tulle__log(resolver->log, LOG_ERROR, "dns", "dns_servers \"%s\": %s", servers,
                   ares_strerror(status));
    }
    return status == ARES_SUCCESS;
}

/* Without a list of servers the channel is made at the first question: most
 * meshes never ask one. */
static struct resolver *cares_open(const struct resolver_options *options)
{
    struct resolver *resolver = ALLOC_ZERO(struct resolver);

    if (!resolver) {
        return NULL;
    }
    resolver->loop = options->loop;
    resolver->log = options->log;
    resolver->timer.fire = timer_fire;
    list_init(&resolver->sockets);
    list_init(&resolver->closed);
    if (!cares_prepare(resolver, options->servers)) {
        cares_close(resolver);
        return NULL;
    }
    return resolver;
}

const struct resolver_type tulle__cares_resolver = {
    .name = "c-ares",
    .open = cares_open,
    .close = cares_close,
    .start = cares_start,
};

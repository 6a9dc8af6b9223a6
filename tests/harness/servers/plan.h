/* SPDX-License-Identifier: Apache-2.0 */

/* What a server does with one request. Plans are said as directives,
 * "status=503 delay=20 close", by the control command `set` (every request),
 * `next N` (the next N), and by the request itself in its query
 * ("/x?status=503&delay=20") or in its first path segment ("/status/503"). */

#ifndef SERVERS_PLAN_H
#define SERVERS_PLAN_H

#include <stdbool.h>
#include <stddef.h>

enum { PLAN_NONE = -1 };

struct plan {
    long status;      /* status=N */
    long delay_ms;    /* delay=MS: before the answer */
    long body;        /* body=N: that many 'x' */
    long slow_ms;     /* slow=MS: between two pieces of the body */
    long piece;       /* piece=N: bytes of such a piece; 1 unless said */
    long break_at;    /* break=N: the connection ends after N bytes of the body */
    long heads;       /* heads=N: that many more header lines */
    long head_bytes;  /* headbytes=N: one more header line with a value of N bytes */
    long rst;         /* rst=CODE: HTTP/2 RST_STREAM in the answer's place */
    char text[256];   /* text=...: the body; '+' is a space */
    char hex[256];    /* hex=...: the body in hexadecimal */
    char header[256]; /* header=name:value: one more header line */
    bool echo;        /* headers or echo: the request's head is the body */
    bool echo_body;   /* echobody: the request's body is the body */
    bool close;       /* close: "Connection: close", and closed after the answer */
    bool cut;         /* cut: closed after the answer, without a word */
    bool drop;        /* drop: closed (FIN) after the request was read, no answer */
    bool reset;       /* reset: the same with RST */
    bool hang;        /* hang: no answer, ever */
    bool hold;        /* hold: no answer before the command `release` */
    bool raw;         /* raw: the bytes of the command `raw` are the answer */
    bool chunked;     /* chunked: Transfer-Encoding */
    bool until_close; /* untilclose: no length, the body ends with the connection */
    bool refuse;      /* refuse: RST_STREAM(REFUSED_STREAM) */
    /* These are heard in the request's target alone. */
    bool relay;        /* relay: answered at once, the body comes back as it comes, trailers too */
    bool sink;         /* sink: the body is counted, and the count is the answer's body */
    bool early;        /* early: answered before the body is read */
    long stall_ms;     /* stall=MS: the body is left unread that long; with relay or sink */
    long drop_at;      /* dropat=N: closed after N bytes of the body; with relay or sink */
    char trailer[256]; /* trailer=name:value: of a relay's answer, or a chunked one's */
};

void plan_init(struct plan *plan);

/* Lays directives over `plan`; they are apart by ' ' or '&'. False: one of
 * them is unknown; the others are in. */
bool plan_parse(struct plan *plan, const char *text);

/* The request is dealt with while its body comes. */
bool plan_streams(const struct plan *plan);

/* What the target of a request says of itself, if anything. */
void plan_parse_target(struct plan *plan, const char *target);

#endif

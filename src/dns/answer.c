/* SPDX-License-Identifier: Apache-2.0 */

/* One allocation: the answer, its addresses, its text. */

#include "base/alloc.h"
#include "dns/address.h"
#include "dns/internal.h"

/* Who tries more of a name's addresses than this for one connection has given up
 * long before. */
enum { TEXT_ADDRESSES = 16 };

static size_t text_write(const struct dns_address *addresses, size_t count, char *out)
{
    size_t at = 0;

    for (size_t i = 0; i < count && i < TEXT_ADDRESSES; i++) {
        char text[DNS_ADDRESS_TEXT];
        struct str one = tulle__dns_address_text(&addresses[i], text);

        if (at > 0) {
            out[at++] = ',';
        }
        memcpy(out + at, one.data, one.size);
        at += one.size;
    }
    out[at] = '\0';
    return at;
}

/* IPv6 first, then in turn, then what is left of the longer one. */
static void interleave(const struct dns_half halves[2], struct dns_address *out)
{
    size_t count = halves[0].count + halves[1].count;
    size_t next[2] = { 0, 0 };
    size_t turn = 0;

    for (size_t i = 0; i < count; i++, turn = 1 - turn) {
        if (next[turn] == halves[turn].count) {
            turn = 1 - turn;
        }
        out[i] = halves[turn].good[next[turn]++];
    }
}

struct dns_answer *tulle__dns_answer_new(const struct dns_half halves[2], enum dns_fault fault)
{
    size_t count = halves[0].count + halves[1].count;
    size_t size = sizeof(struct dns_answer) + count * sizeof(struct dns_address);
    struct dns_answer *answer = tulle__alloc(size + TEXT_ADDRESSES * DNS_ADDRESS_TEXT + 1);
    struct dns_address *addresses;
    char *text = (char *)answer + size;

    if (!answer) {
        return NULL;
    }
    addresses = (struct dns_address *)(void *)(answer + 1);
    interleave(halves, addresses);
    *answer = (struct dns_answer){
        .fault = fault,
        .count = count,
        .addresses = addresses,
        .text = { text, text_write(addresses, count, text) },
        .print = tulle__dns_set_print(addresses, count),
    };
    atomic_init(&answer->refs, 1);
    return answer;
}

struct dns_answer *tulle__dns_answer_ref(struct dns_answer *answer)
{
    atomic_fetch_add_explicit(&answer->refs, 1, memory_order_relaxed);
    return answer;
}

void tulle__dns_answer_unref(struct dns_answer *answer)
{
    if (answer && atomic_fetch_sub_explicit(&answer->refs, 1, memory_order_acq_rel) == 1) {
        tulle__free(answer);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */

/* Turns trees into structs by tables of fields. A table lists every field of
 * Istio's message: those without a decode function are refused by name as not
 * supported yet, those that are not listed as unknown. Decoders never stop at a
 * mistake: they tell it, leave the field alone and go on, so that all mistakes
 * are told at once; a resource with any mistake is not used. */

#ifndef TULLE_SOURCE_FILE_DECODE_H
#define TULLE_SOURCE_FILE_DECODE_H

#include "base/clock.h"
#include "base/macros.h"
#include "source/file/resource.h"
#include "source/file/tree.h"

/* The largest that Envoy takes. */
enum { MAGLEV_TABLE_MOST = 5000011 };

struct decoder {
    struct part *part; /* what is decoded goes into its arena */
    struct arena *arena;
    struct complaints *complaints;
    const struct read_options *options;
    struct str file;     /* in the arena */
    struct str resource; /* "VirtualService default/reviews" */
    struct str name_space;
    size_t mistakes;
    bool no_memory;
};

struct field;

/* Decodes `value`, which is not null, to `out`: the struct plus the offset. */
typedef void field_fn(struct decoder *decoder, const struct node *value, void *out,
                      const struct field *field);

enum field_type { TYPE_OF_FUNCTION, TYPE_TEXT, TYPE_FLAG, TYPE_LIST };

struct field {
    const char *name;
    field_fn *decode; /* NULL: not supported yet */
    size_t offset;
    int64_t least, most; /* of numbers and durations */
    const struct choice *choices;
    const struct field_group *group; /* of tulle__field_group and tulle__field_list */
    uint32_t scale;                  /* of a decimal: how many parts a whole has */
    bool is_kind; /* of a group of which one such member may be there; `kind` is then its value */
    int kind;
    size_t count_offset;  /* of a list: of its size_t */
    uint32_t mark;        /* for who must know which members were there */
    const char *from;     /* documentation: whose field it is, and whose default */
    const char *unset;    /* documentation: what the default means, where its value does not say */
    enum field_type type; /* where the function does not say it */
};

struct choice {
    const char *name; /* NULL ends the list */
    int value;        /* negative: Istio has it, not supported yet */
};

/* --- the tree --- */

/* Every member of `map`, which may turn out to be none. */
void tulle__decode_map(struct decoder *decoder, const struct node *map, const struct field *fields,
                       size_t count, void *out);

#define DECODE_MAP(decoder, map, fields, out)                                                      \
    tulle__decode_map((decoder), (map), (fields), COUNT_OF(fields), (out))

typedef void item_fn(struct decoder *decoder, const struct node *item, void *out);

/* An array of items of `size` bytes, zeroed before they are decoded; NULL with
 * *count 0 when there are none. */
void *tulle__decode_list(struct decoder *decoder, const struct node *list, size_t size,
                         item_fn *decode, size_t *count);
/* As a list, from a map: `decode` finds the key in the item. */
void *tulle__decode_members(struct decoder *decoder, const struct node *map, size_t size,
                            item_fn *decode, size_t *count);

/* What a map is made of, so that it can be decoded, listed and made a schema of
 * without a word about it elsewhere. */
struct field_group {
    const struct field *fields;
    size_t count;
    const void *defaults; /* laid down first; NULL: they are there already */
    size_t size;          /* of them, and of an item of a list */
    enum { KIND_NONE, KIND_MAYBE, KIND_ONE } kinds;
    size_t kind_offset; /* of the enum that a member of is_kind sets */
    /* Looks at what was decoded without a mistake. */
    void (*check)(struct decoder *decoder, const struct node *value, void *out);
};

field_fn tulle__field_group; /* the struct at `offset` */
field_fn tulle__field_list;  /* of groups: a pointer to their array, and a size_t at count_offset */

#define FIELDS(list) .fields = (list), .count = COUNT_OF(list)

/* --- scalars --- */

field_fn tulle__field_text;     /* struct str */
field_fn tulle__field_placed;   /* struct placed */
field_fn tulle__field_host;     /* struct placed; a DNS name, no wildcard */
field_fn tulle__field_u32;      /* uint32_t, in least..most */
field_fn tulle__field_u16;      /* uint16_t, in least..most */
field_fn tulle__field_u64;      /* uint64_t, in least..most */
field_fn tulle__field_decimal;  /* uint32_t: "12.5" times `scale`, in least..most of these parts */
field_fn tulle__field_flag;     /* bool */
field_fn tulle__field_duration; /* int64_t ns, in least..most */
field_fn tulle__field_choice;   /* int32_t-sized enum */
field_fn tulle__field_port;     /* uint16_t, of {number: N} */
field_fn tulle__field_ignored;

item_fn tulle__item_host;  /* struct placed */
item_fn tulle__item_label; /* struct label */

/* The text of a field that takes texts; false: told. Not copied. */
bool tulle__decode_text(struct decoder *decoder, const struct node *node, struct str *out);
bool tulle__decode_number(struct decoder *decoder, const struct node *node, int64_t least,
                          int64_t most, int64_t *out);
/* "1.5s", "1m30s", "250ms", as Go reads them. False: no duration. */
bool tulle__duration_parse(struct str text, int64_t *out);
/* As it is written: 125 of tenths is "12.5". */
const char *tulle__decimal_text(int64_t parts, uint32_t scale, char *out, size_t size);
bool tulle__is_prime(uint32_t number);
bool tulle__host_is_valid(struct str host);
struct str tulle__decode_copy(struct decoder *decoder, struct str text);
struct str tulle__decode_lower(struct decoder *decoder, struct str text); /* a copy */

/* --- mistakes --- */

void tulle__mistake(struct decoder *decoder, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tulle__mistake_at_key(struct decoder *decoder, const struct node *node, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));
struct place tulle__decode_place(const struct decoder *decoder, const struct node *node);
/* "timeout", or "an item" of a list. */
struct str tulle__node_name(const struct node *node);

/* The nearest name to a wrong one. */
struct suggestion {
    struct str wrong, best;
    size_t distance;
};

struct suggestion tulle__suggest_start(struct str wrong);
void tulle__suggest_offer(struct suggestion *suggestion, struct str name);
/* "; did you mean \"retries\"?" or "". */
const char *tulle__suggest_text(const struct suggestion *suggestion, char *out, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */

#include "unit/balance/field.h"

#include "base/clock.h"
#include "harness/test.h"

struct field field;

int field_setup(void **state)
{
    (void)state;
    field = (struct field){ .now = NS_PER_S };
    tulle__live_set_init(&field.set, FIXTURE_LOOPS, NULL);
    tulle__rand_init(&field.rand, 42);
    return 0;
}

int field_teardown(void **state)
{
    (void)state;
    tulle__live_set_fini(&field.set);
    return 0;
}

static enum balancer_kind kind_wanted;

static void kind_configure(struct balancer_config *config)
{
    config->kind = kind_wanted;
}

bool field_fill(enum balancer_kind kind, size_t count, const uint32_t *weights)
{
    kind_wanted = kind;
    return field_fill_as(kind_configure, count, weights);
}

bool field_fill_as(field_configure_fn *configure, size_t count, const uint32_t *weights)
{
    bool changed;
    struct cluster *cluster =
        fixture_cluster(&(struct fixture_endpoints){ .count = count, .weights = weights });

    if (cluster == NULL) {
        return false;
    }
    configure(&cluster->balancer);
    field.config = cluster->balancer;
    field.set.now = field.now;
    field.live = tulle__live_adopt(&field.set, cluster, &changed);
    tulle__part_unref(cluster);
    return field.live != NULL && field_rebuild();
}

bool field_rebuild(void)
{
    struct picker *picker =
        tulle__picker_new(field.live, &field.config, FIXTURE_LOOPS, 7, field.now);

    if (picker == NULL) {
        return false;
    }
    tulle__picker_free(atomic_exchange(&field.live->picker, picker));
    return true;
}

struct view *field_view(size_t i)
{
    return fixture_view(field.live, i);
}

void field_eject(size_t i)
{
    assert_int_equal(fixture_record(field.live, field_view(i), VERDICT_5XX, 5, field.now), 1);
}

enum pick_result field_pick(struct view **out)
{
    struct pick pick = { .loop = field.loop,
                         .rand = &field.rand,
                         .now = field.now,
                         .tried = field.tried,
                         .tried_count = field.tried_count,
                         .hash = field.hash,
                         .has_hash = field.has_hash };

    return tulle__pick(field.live, &pick, out);
}

size_t field_index(const struct view *view)
{
    size_t i = 0;

    while (field_view(i) != view) {
        i++;
    }
    return i;
}

size_t field_pick_hash(uint64_t hash)
{
    struct view *view;

    field.hash = hash;
    field.has_hash = true;
    assert_int_equal(field_pick(&view), PICK_ENDPOINT);
    return field_index(view);
}

void field_pick_many(unsigned count)
{
    memset(field.counts, 0, sizeof(field.counts));
    while (count-- > 0) {
        struct view *view;

        assert_int_equal(field_pick(&view), PICK_ENDPOINT);
        field.counts[field_index(view)]++;
    }
}

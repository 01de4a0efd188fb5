/* test_order.c - the order of a ranking's members against a plain sorted array. */
#include "scorer/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 3000   /* a few blocks */
#define NUMBERS 700 /* so that many members have the same */
#define STEPS 60000

/* An order knows its members by their addresses only. */
static char members[MOST];
static uint64_t numbers[MOST];
static uint64_t seed = 1;

static uint32_t dice(uint32_t bound)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % bound;
}

static struct result *member(unsigned i)
{
    return (struct result *)(void *)&members[i];
}

/* Those of one number stand by their addresses. */
static int tie(const void *sought, const struct result *other)
{
    const char *at = (const char *)(const void *)other;
    const char *to = sought;
    return (at > to) - (at < to);
}

static order_place_t place_of(const order_t *order, unsigned i)
{
    return order_search(order, numbers[i], tie, &members[i]);
}

static bool stands_before(unsigned a, unsigned b)
{
    return numbers[a] != numbers[b] ? numbers[a] < numbers[b] : a < b;
}

/* The array that the order is held against. */
static unsigned plain[MOST];
static unsigned n_plain;

static unsigned plain_place(unsigned i)
{
    unsigned at = 0;
    while (at < n_plain && stands_before(plain[at], i)) {
        at++;
    }
    return at;
}

static void same(const order_t *order)
{
    order_place_t place = {0, 0};
    assert_int_equal(order->n, n_plain);
    for (unsigned i = 0; i < n_plain; i++) {
        assert_ptr_equal(order_member(order, place), member(plain[i]));
        assert_true(order->blocks[place.block].n <= ORDER_BLOCK);
        place = order_next(order, place);
    }
    assert_null(order_member(order, place));
}

static void insert(order_t *order, unsigned i)
{
    unsigned at = plain_place(i);
    order_entry_t entry = {numbers[i], member(i)};
    assert_int_equal(order_insert(order, place_of(order, i), entry), at);
    memmove(plain + at + 1, plain + at, (n_plain - at) * sizeof *plain);
    plain[at] = i;
    n_plain++;
}

static void take_out(order_t *order, unsigned i)
{
    unsigned at = plain_place(i);
    order_place_t place = place_of(order, i);
    assert_ptr_equal(order_member(order, place), member(i));
    assert_int_equal(order_before(order, place), at);
    order_remove(order, place);
    n_plain--;
    memmove(plain + at, plain + at + 1, (n_plain - at) * sizeof *plain);
}

/* Grows to all, shrinks to nothing, and is held against the array on the way. */
static void test_moves(void **state)
{
    (void)state;
    order_t order = {0};
    bool in[MOST] = {false};
    n_plain = 0;
    assert_null(order_member(&order, order_search(&order, 1, tie, members)));
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = dice(MOST);
        bool growing = step < STEPS / 2;
        if (in[i] && dice(growing ? 4 : 1) == 0) {
            take_out(&order, i);
            in[i] = false;
        } else if (!in[i] && dice(growing ? 1 : 4) == 0) {
            numbers[i] = dice(NUMBERS);
            insert(&order, i);
            in[i] = true;
        }
        if (step % 997 == 0) {
            same(&order);
        }
    }
    for (unsigned i = 0; i < MOST; i++) {
        if (in[i]) {
            take_out(&order, i);
        }
    }
    same(&order);
    assert_int_equal(order.n_blocks, 0);
    order_free(&order);
}

static int compare(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a;
    unsigned y = *(const unsigned *)b;
    return stands_before(x, y) ? -1 : x != y;
}

/* Filled at once, of every size around that of a block; each place is found by its count. */
static void test_fill(void **state)
{
    (void)state;
    static const unsigned sizes[] = {0,   1,   255, 256,  257,  511, 512,
                                     513, 767, 768, 1024, 1025, MOST};
    static order_entry_t sorted[MOST];
    order_t order = {0};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        n_plain = sizes[s];
        for (unsigned i = 0; i < n_plain; i++) {
            numbers[i] = dice(NUMBERS);
            plain[i] = i;
        }
        qsort(plain, n_plain, sizeof *plain, compare);
        for (unsigned i = 0; i < n_plain; i++) {
            sorted[i] = (order_entry_t){numbers[plain[i]], member(plain[i])};
        }
        order_fill(&order, sorted, n_plain);
        same(&order);
        for (unsigned i = 0; i < n_plain; i++) {
            order_place_t place = order_nth(&order, i);
            assert_ptr_equal(order_member(&order, place), member(plain[i]));
            assert_int_equal(order_before(&order, place), i);
        }
        assert_null(order_member(&order, order_nth(&order, n_plain)));
    }
    order_free(&order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moves), cmocka_unit_test(test_fill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "metrics/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { TURNS, LAG, FETCHES, TIME };
static const int64_t bounds[] = {100, 2500};
static const metric_spec_t specs[] = {
    [TURNS] = {"turns_total", "Turns.", METRIC_COUNTER},
    [LAG] = {"lag_seconds", "Lag of\na \\ target.", METRIC_GAUGE, .digits = 3, .labels = {"target"},
             .max_series = 3},
    [FETCHES] = {"fetches_total", "Fetches.", METRIC_COUNTER, .labels = {"source", "result"}},
    [TIME] = {"time_seconds", "Time.", METRIC_HISTOGRAM, .digits = 3, .bounds = bounds,
              .n_bounds = 2},
};

static int setup(void **state)
{
    return metrics_new("chiso_test", specs, 4, (metrics_t **)state);
}

static int teardown(void **state)
{
    metrics_destroy((metrics_t **)state);
    return 0;
}

static void expect(const metrics_t *m, const char *text)
{
    buffer_t out = BUFFER_INIT(METRICS_TEXT_MAX);
    metrics_write(m, &out);
    assert_string_equal(buffer_text(&out), text);
    buffer_free(&out);
}

#define EMPTY_TIME                                                                                 \
    "# HELP chiso_test_time_seconds Time.\n# TYPE chiso_test_time_seconds histogram\n"             \
    "chiso_test_time_seconds_bucket{le=\"0.100\"} 0\n"                                             \
    "chiso_test_time_seconds_bucket{le=\"2.500\"} 0\n"                                             \
    "chiso_test_time_seconds_bucket{le=\"+Inf\"} 0\n"                                              \
    "chiso_test_time_seconds_sum 0.000\nchiso_test_time_seconds_count 0\n"
#define TURNS_HEAD "# HELP chiso_test_turns_total Turns.\n# TYPE chiso_test_turns_total counter\n"

/* A counter starts at 0; what was never measured is not 0 but absent. */
static void test_absent_is_not_zero(void **state)
{
    expect(*state, TURNS_HEAD "chiso_test_turns_total 0\n" EMPTY_TIME);
}

static void test_text(void **state)
{
    metrics_t *m = *state;
    metrics_add(m, TURNS, 2, NULL, NULL);
    metrics_add(m, TURNS, 3, NULL, NULL);
    metrics_set(m, LAG, -1500, "a\"b\\c\nd", NULL);
    metrics_set(m, LAG, 7, "portal", NULL);
    metrics_add(m, FETCHES, 1, "s", "good");
    metrics_add(m, FETCHES, 1, "s", "bad");
    metrics_add(m, FETCHES, 1, "s", "good");
    metrics_observe(m, TIME, 100); /* le means less or equal */
    metrics_observe(m, TIME, 101);
    metrics_observe(m, TIME, 9000);
    expect(m, TURNS_HEAD
           "chiso_test_turns_total 5\n"
           "# HELP chiso_test_lag_seconds Lag of\\na \\\\ target.\n"
           "# TYPE chiso_test_lag_seconds gauge\n"
           "chiso_test_lag_seconds{target=\"a\\\"b\\\\c\\nd\"} -1.500\n"
           "chiso_test_lag_seconds{target=\"portal\"} 0.007\n"
           "# HELP chiso_test_fetches_total Fetches.\n# TYPE chiso_test_fetches_total counter\n"
           "chiso_test_fetches_total{source=\"s\",result=\"good\"} 2\n"
           "chiso_test_fetches_total{source=\"s\",result=\"bad\"} 1\n"
           "# HELP chiso_test_time_seconds Time.\n# TYPE chiso_test_time_seconds histogram\n"
           "chiso_test_time_seconds_bucket{le=\"0.100\"} 1\n"
           "chiso_test_time_seconds_bucket{le=\"2.500\"} 2\n"
           "chiso_test_time_seconds_bucket{le=\"+Inf\"} 3\n"
           "chiso_test_time_seconds_sum 9.201\nchiso_test_time_seconds_count 3\n");
}

static void test_gauges_that_end(void **state)
{
    metrics_t *m = *state;
    metrics_set(m, LAG, 1, "gone", NULL);
    metrics_set(m, LAG, 2, "stays", NULL);
    metrics_add(m, FETCHES, 1, "s", "good");
    metrics_begin(m);
    metrics_set(m, LAG, 3, "stays", NULL);
    metrics_end(m);
    expect(m, TURNS_HEAD "chiso_test_turns_total 0\n"
                         "# HELP chiso_test_lag_seconds Lag of\\na \\\\ target.\n"
                         "# TYPE chiso_test_lag_seconds gauge\n"
                         "chiso_test_lag_seconds{target=\"stays\"} 0.003\n"
                         "# HELP chiso_test_fetches_total Fetches.\n"
                         "# TYPE chiso_test_fetches_total counter\n"
                         "chiso_test_fetches_total{source=\"s\",result=\"good\"} 1\n" EMPTY_TIME);
}

static void test_bounded(void **state)
{
    metrics_t *m = *state;
    char name[2 * METRICS_LABEL_MAX];
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "target-%d", i);
        metrics_set(m, LAG, i, name, NULL);
    }
    assert_int_equal(metrics_dropped(m), 2);
    metrics_set(m, LAG, 9, "target-1", NULL);
    assert_int_equal(metrics_dropped(m), 2);
    /* an overlong value is cut and stays one series */
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    metrics_add(m, FETCHES, 1, name, "good");
    metrics_add(m, FETCHES, 1, name, "good");
    buffer_t out = BUFFER_INIT(METRICS_TEXT_MAX);
    metrics_write(m, &out);
    assert_non_null(strstr(buffer_text(&out), "x\",result=\"good\"} 2\n"));
    assert_null(strstr(buffer_text(&out), "target-3"));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_absent_is_not_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gauges_that_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

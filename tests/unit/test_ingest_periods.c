/* test_ingest_periods.c - the periods that a configuration names, one by one and as ranges. */
#include "base/error.h"
#include "folder.h"
#include "ingest/config.h"

static int add(void *context, period_t period)
{
    buffer_t *all = context;
    char text[PERIOD_TEXT_SIZE];
    buffer_printf(all, "%s ", period_format(period, text));
    return 0;
}

static void test_periods(void **state)
{
    (void)state;
    static const struct {
        const char *text, *periods; /* NULL: refused */
    } cases[] = {
        {"2025-10", "2025-10 "},
        {"2024-11..2025-02", "2024-11 2024-12 2025-01 2025-02 "},
        {"2024-Q4..2025-Q1", "2024-Q4 2025-Q1 "},
        {"2023..2025", "2023 2024 2025 "},
        {"2025-10..2025-10", "2025-10 "},
        {"month-1", "2025-09 "},
        {"year", "2025 "},
        {"2025-10..2025-09", NULL},
        {"2024..2025-01", NULL},
        {"2024-Q1..2025-01", NULL},
        {"2024-01..", NULL},
        {"..2025", NULL},
        {"2024-01...2025-01", NULL},
        {"month-3..month", NULL},
        {"1990-01..2199-12", NULL}, /* more than 600 */
        {"2025-13", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buffer_t all = BUFFER_INIT(65536);
        int rc = ingest_periods(cases[i].text, 1760500000000, add, &all); /* 15 October 2025 */
        assert_int_equal(rc, cases[i].periods != NULL ? 0 : CHISO_E_SYNTAX);
        if (rc == 0) {
            assert_string_equal(buffer_text(&all), cases[i].periods);
        } else {
            assert_int_equal(all.len, 0);
        }
        buffer_free(&all);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_periods)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

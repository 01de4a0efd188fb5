/* test_delivery_week.c - a portal that is away for a week: the real delivery over a real store and
 * a real connection, only the clock is told. Figures change all the while; the publisher is started
 * again in the middle.
 *
 * How often it is asked is bounded: the wait doubles from retry_min to retry_max, so with the
 * default 1 s and 5 min there are 9 attempts in the first 511 s, and then 12 an hour: at most 2,025
 * a week and one more for each start, of one notice, however many wait behind it.
 */
#include "base/clock.h"
#include "http/http.h"
#include "publisher/delivery_internal.h"
#include "told_rig.h"

#include "setjmp.h"
#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>

#define SECOND 1000LL
#define DAY (86400 * SECOND)
#define START (1795357800 * SECOND)
#define DAYS 7
#define PATIENCE_MS 60000

/* ---- the clock ---- */

static _Atomic int64_t now_ms; /* the fetch thread looks at it too */

static int64_t told_clock(void)
{
    return atomic_load(&now_ms);
}

/* No jitter: the earliest that can be. */
static uint32_t no_jitter(uint32_t bound)
{
    (void)bound;
    return 0;
}

static const clock_source_t told = {told_clock, told_clock, no_jitter};

/* ---- the portal ---- */

typedef struct {
    bool away;
    unsigned asked, taken;
    char keys[64][160]; /* as they were taken */
    int64_t last_asked;
    int64_t longest; /* wait between two requests */
    char refused[160];
} portal_t;

static void serve(http_request_t *request, void *context)
{
    portal_t *p = context;
    const char *key = http_header(request, "Idempotency-Key");
    assert_non_null(key);
    int64_t now = told_clock();
    if (p->asked++ > 0 && now - p->last_asked > p->longest) {
        p->longest = now - p->last_asked;
    }
    p->last_asked = now;
    if (p->away) {
        snprintf(p->refused, sizeof p->refused, "%s", key);
        http_reply_problem(request, 503, "away");
        return;
    }
    assert_true(p->taken < sizeof p->keys / sizeof p->keys[0]);
    snprintf(p->keys[p->taken++], sizeof p->keys[0], "%s", key);
    http_reply(request, 204, NULL, bytes_of(NULL, 0));
}

/* ---- the publisher's part ---- */

typedef struct {
    portal_t portal;
    http_t *http;
    catalog_t *catalog;
    published_t *published;
    publisher_config_t config;
    publisher_target_t target;
    char url[64];
    uint64_t epoch;
    delivery_t *delivery;
    unsigned told;
} week_t;

static const char *const anywhere[] = {"127.0.0.0/8", NULL};

static void begin(week_t *w)
{
    assert_int_equal(
        delivery_start(&w->config, &w->published->model, &w->epoch, NULL, &w->delivery), 0);
}

static int setup(void **state)
{
    static const char *const files[] = {TEST_ROOT "/catalogs/dvc-766.yaml"};
    week_t *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *state = w;
    atomic_store(&now_ms, START);
    clock_set_source(&told);
    assert_int_equal(catalog_load(files, 1, stderr, &w->catalog), 0);
    w->published = published_new(w->catalog);
    w->epoch = w->published->model.epoch = MODEL_EPOCH;
    http_options_t options = {.address = "127.0.0.1"};
    assert_int_equal(http_start(&options, serve, &w->portal, &w->http), 0);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/events", http_port(w->http));
    w->target = (publisher_target_t){.id = T("portal"),
                                     .url = w->url,
                                     .dialect = &target_cloudevents,
                                     .policy = {.allow_http = true,
                                                .allow_networks = anywhere,
                                                .connect_timeout_ms = 600000,
                                                .timeout_ms = 600000},
                                     .batch = 1,
                                     .give_up = 20,
                                     .retry_min_ms = SECOND,
                                     .retry_max_ms = 300 * SECOND,
                                     .scores = true,
                                     .rankings = true};
    w->config =
        (publisher_config_t){.targets = &w->target, .targets_count = 1, .catalog = w->catalog};
    begin(w);
    return 0;
}

static int teardown(void **state)
{
    week_t *w = *state;
    delivery_stop(&w->delivery);
    http_stop(&w->http);
    published_free(w->published);
    catalog_destroy(&w->catalog);
    clock_set_source(NULL);
    free(w);
    return 0;
}

static target_t *target_of(week_t *w)
{
    return &w->delivery->targets[0];
}

/* Until nothing is under way and nothing is due at this moment. Real time passes, told time not. */
static void run(week_t *w)
{
    int64_t until = clock_mono_us() + PATIENCE_MS * 1000LL;
    assert_int_equal(delivery_pump(w->delivery), 0);
    while (target_of(w)->step != STEP_IDLE) {
        struct pollfd fds[] = {{.fd = http_fd(w->http), .events = POLLIN},
                               {.fd = delivery_fd(w->delivery), .events = POLLIN}};
        assert_true(clock_mono_us() < until);
        poll(fds, 2, 20);
        http_run(w->http);
        assert_int_equal(delivery_answers(w->delivery), 0);
    }
}

static void change(week_t *w)
{
    char points[16];
    snprintf(points, sizeof points, "%u.5", 10 + w->told);
    told_score_t score = first;
    score.revision = ++w->told;
    score.points = points;
    store_txn_t *txn = store_write(w->published->store);
    take_score(w->published, txn, &score, false);
    published_commit(w->published, &txn);
}

static unsigned letters(week_t *w)
{
    store_txn_t *txn = store_read(w->published->store);
    unsigned n = delivery_count_letters(target_of(w), txn);
    store_abort(&txn);
    return n;
}

/* To the next try, or to `until` when that comes first. */
static void wait_for_try(week_t *w, int64_t until)
{
    int64_t next = target_of(w)->record.next_try;
    assert_true(next > told_clock());
    atomic_store(&now_ms, next < until ? next : until);
}

static void test_away_for_a_week(void **state)
{
    week_t *w = *state;
    change(w);
    run(w);
    assert_int_equal(w->portal.taken, 1);
    w->portal = (portal_t){.away = true};
    char oldest[160] = "";
    unsigned starts = 0;
    for (int day = 0; day < DAYS; day++) {
        int64_t end = START + (day + 1) * DAY;
        change(w);
        run(w);
        if (day == 0) {
            snprintf(oldest, sizeof oldest, "%s", w->portal.refused);
        }
        if (day == 3) { /* it waited; now it is tried at once, and its waits grow again */
            unsigned before = w->portal.asked;
            delivery_stop(&w->delivery);
            begin(w);
            starts++;
            run(w);
            assert_int_equal(w->portal.asked, before + 1);
        }
        while (told_clock() < end) {
            wait_for_try(w, end);
            run(w);
            assert_string_equal(w->portal.refused, oldest); /* nothing overtakes it */
        }
        assert_int_equal(letters(w), 0);
        assert_int_equal(w->portal.taken, 0);
    }
    assert_int_equal(w->told, DAYS + 1);
    print_message("%u attempts in %d days, the longest wait %lld s\n", w->portal.asked, DAYS,
                  (long long)(w->portal.longest / SECOND));
    /* 1 + 2 + 4 + … + 256 s, then every 300 s: after each start */
    assert_in_range(w->portal.asked, 2000, 2025 + 10 * starts);
    assert_int_equal(w->portal.longest, 300 * SECOND);

    /* it returns: heard of within the longest wait, and then everything, once, in order */
    w->portal.away = false;
    wait_for_try(w, told_clock() + 300 * SECOND);
    for (unsigned i = 0; i < 4 * DAYS && w->portal.taken < DAYS; i++) {
        run(w);
    }
    assert_int_equal(w->portal.taken, DAYS);
    for (unsigned i = 0; i < DAYS; i++) {
        char key[160];
        snprintf(key, sizeof key, "score/dvc-766/2025/91/%u@55667788", i + 2);
        assert_string_equal(w->portal.keys[i], key);
    }
    assert_int_equal(letters(w), 0);
    assert_int_equal(target_of(w)->record.delivered, DAYS + 1);
    assert_int_equal(target_of(w)->record.failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_away_for_a_week, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_model_json.c - the walk over all results, and what is told as JSON. */
#include "publisher/render.h"
#include "told_rig.h"

#include <jansson.h>

static void test_after(void **state)
{
    published_t *p = *state;
    static const told_score_t all[] = {{"91", NULL, 1, 1, 1, "1", NULL, {{NULL}}, 0, NULL},
                                       {"30001", "91", 1, 1, 1, "1", NULL, {{NULL}}, 0, NULL},
                                       {"01", NULL, 1, 2, 2, "1", NULL, {{NULL}}, 0, NULL}};
    store_txn_t *txn = store_write(p->store);
    for (int i = 0; i < 3; i++) {
        take_score(p, txn, &all[i], false);
    }
    published_commit(p, &txn);
    txn = store_read(p->store);
    uint8_t room[STORE_MAX_KEY];
    bytes_t key = bytes_of(room, 0);
    bytes_t found;
    uint64_t seq;
    event_in_t in;
    static const char *const order[] = {"30001", "01", "91"}; /* as the keys are */
    static const uint64_t notices[] = {2, 3, 1};
    int n = 0;
    while (model_after(txn, key, &found, &seq, &in)) {
        assert_string_equal(in.event->score->unit->code, order[n]);
        assert_int_equal(seq, notices[n++]);
        event_release(&in);
        memcpy(room, found.data, found.len);
        key = bytes_of(room, found.len);
    }
    assert_int_equal(n, 3);
    store_abort(&txn);
    event_reading_t reading = CHISO__V1__READING__INIT;
    event_t event = CHISO__V1__EVENT__INIT;
    event.body_case = CHISO__V1__EVENT__BODY_READING;
    event.reading = &reading;
    txn = store_write(p->store);
    assert_int_equal(model_apply(&p->model, txn, MODEL_EPOCH, &event, false), CHISO_E_PROTOCOL);
    assert_int_equal(store_status(txn), 0); /* it is buried, and the rest goes on */
    store_abort(&txn);
}

/* ---- JSON ---- */

/* Every number is a string: no client reads a score into a float. */
static void check_numbers(const json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;
    assert_false(json_is_number(value));
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
    {
        check_numbers(item);
    }
    json_array_foreach(value, i, item)
    {
        check_numbers(item);
    }
}

static const char *text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_non_null(value);
    return json_string_value(value); /* NULL for null */
}

static void test_json(void **state)
{
    published_t *p = *state;
    static const char *const moved[] = {"91"};
    static const uint32_t ranks[] = {1};
    store_txn_t *txn = store_write(p->store);
    take_score(p, txn, &first, false);
    take_ranking(p, txn, NULL, CHISO__V1__LEVEL__PROVINCE, 2, moved, ranks, 1);
    take_state(p, txn, "nation/2025", true, "91");
    published_commit(p, &txn);
    assert_int_equal(p->n_notices, 3);
    json_t *json[3];
    for (size_t i = 0; i < 3; i++) {
        json_error_t error;
        const ProtobufCBinaryData *body = &notice(p, i)->body;
        json[i] = json_loadb((const char *)body->data, body->len, JSON_REJECT_DUPLICATES, &error);
        if (json[i] == NULL) {
            fail_msg("%s", error.text);
        }
        check_numbers(json[i]);
    }
    assert_string_equal(text(json[0], "index"), "dvc-766");
    assert_string_equal(text(json[0], "points"), "20");
    assert_string_equal(text(json[0], "max"), "100");
    assert_string_equal(text(json[0], "percent"), "12.340000");
    assert_null(text(json[0], "change")); /* null, not "0" */
    assert_true(json_is_null(json_object_get(json[0], "previous_rank")));
    assert_string_equal(text(json[0], "rank"), "2");
    assert_string_equal(text(json[0], "as_of"), "1970-01-01T00:00:01.000Z");
    assert_string_equal(text(json_object_get(json[0], "unit"), "level"), "province");
    const json_t *pillars = json_object_get(json[0], "pillars");
    assert_int_equal(json_array_size(pillars), 6);
    const json_t *ckmb = json_array_get(pillars, 0);
    assert_string_equal(text(ckmb, "points"), "10");
    assert_string_equal(text(ckmb, "max"), "18");
    assert_string_equal(text(ckmb, "status"), "scored");
    assert_string_equal(text(json_array_get(pillars, 5), "status"), "missing");
    const json_t *in = json_array_get(json_object_get(ckmb, "indicators"), 0);
    const json_t *figure = json_array_get(json_object_get(in, "figures"), 0);
    assert_string_equal(text(figure, "value"), "10");
    assert_string_equal(text(figure, "unit"), "điểm");
    assert_int_equal(strlen(text(figure, "raw_sha256")), 64);
    const json_t *standing = json_array_get(json_object_get(json[1], "standings"), 0);
    assert_string_equal(text(standing, "code"), "91");
    assert_string_equal(text(standing, "rank"), "1");
    assert_string_equal(text(standing, "previous_rank"), "9");
    assert_null(text(json[1], "parent"));
    assert_true(json_is_true(json_object_get(json[2], "stale")));
    assert_null(text(json[2], "last_good")); /* never: not 1970 */
    for (size_t i = 0; i < 3; i++) {
        json_decref(json[i]);
    }
}

/* What of the maximum is scored, and by whom: exact shares, and where the figures came from. */
static void test_coverage(void **state)
{
    published_t *p = *state;
    uint8_t hashes[2][SHA256_SIZE] = {{0xab}, {0xcd}};
    ProtobufCBinaryData evidence[2] = {{SHA256_SIZE, hashes[0]}, {SHA256_SIZE, hashes[1]}};
    static const struct {
        const char *max, *scored, *machine, *coverage, *machine_coverage;
    } want[] = {
        {"100", "38", "18", "0.380000", "0.180000"},
        {"60", "40", "0", "0.666667", "0.000000"},
        {"60", NULL, NULL, NULL, NULL}, /* told before it was known */
        {"0", "0", "0", NULL, NULL},    /* nothing applies */
    };
    for (uint32_t i = 0; i < 4; i++) {
        score_room_t room;
        store_txn_t *txn = store_write(p->store);
        told_score_t told = first;
        told.revision = i + 1;
        event_t event = *score_of(&told, &room);
        room.score.max = T(want[i].max);
        room.score.scored_max = T(want[i].scored);
        room.score.machine_max = T(want[i].machine);
        room.in[1].status = CHISO__V1__STATUS__EXCLUDED;
        room.fig[0].submitter = T("unit:91");
        room.fig[0].evidence = evidence;
        room.fig[0].n_evidence = 2;
        assert_int_equal(model_apply(&p->model, txn, MODEL_EPOCH, &event, false), 0);
        published_commit(p, &txn);
        const ProtobufCBinaryData *body = &notice(p, p->n_notices - 1)->body;
        json_t *json = json_loadb((const char *)body->data, body->len, 0, NULL);
        assert_non_null(json);
        check_numbers(json);
        const char *coverage = text(json, "coverage");
        const char *machine = text(json, "machine_coverage");
        assert_int_equal(coverage == NULL, want[i].coverage == NULL);
        if (coverage != NULL) {
            assert_string_equal(coverage, want[i].coverage);
            assert_string_equal(machine, want[i].machine_coverage);
        }
        const json_t *pillars = json_object_get(json, "pillars");
        const json_t *excluded = json_array_get(pillars, 1);
        assert_string_equal(text(excluded, "status"), "excluded");
        assert_string_equal(text(excluded, "max"), "0");
        assert_string_equal(text(excluded, "points"), "0");
        const json_t *in =
            json_array_get(json_object_get(json_array_get(pillars, 0), "indicators"), 0);
        const json_t *figure = json_array_get(json_object_get(in, "figures"), 0);
        const json_t *files = json_object_get(figure, "evidence");
        assert_string_equal(text(figure, "kind"), "points");
        assert_string_equal(text(figure, "submitter"), "unit:91");
        assert_int_equal(json_array_size(files), 2);
        assert_memory_equal(json_string_value(json_array_get(files, 0)), "ab00", 4);
        assert_int_equal(json_string_length(json_array_get(files, 1)), 64);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_after, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_coverage, group_setup, group_teardown),
        cmocka_unit_test_setup_teardown(test_json, group_setup, group_teardown),
    };
    return cmocka_run_group_tests(tests, group_load, group_unload);
}

/* test_tokens.c - the token file, tokens in use, and who failed too often. */
#include "folder.h"
#include "ingest/api/guard.h"
#include "ingest/tokens.h"

#include "base/error.h"

#include <sodium.h>
#include <string.h>

static registry_t *units;
static char folder[FOLDER_SIZE];

static int load(const char *text, tokens_t **out, char **said)
{
    size_t len = 0;
    char *path = folder_file(folder, "tokens.yaml");
    folder_write(folder, "tokens.yaml", bytes_of_text(text));
    FILE *errors = open_memstream(said, &len);
    assert_non_null(errors);
    int rc = tokens_load(path, units, errors, out);
    fclose(errors);
    free(path);
    return rc;
}

static void test_round(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_SIZE], hex[TOKEN_HEX_SIZE], yaml[512];
    char *said = NULL;
    tokens_t *tokens = NULL;
    token_make("a.b-1", text, hex);
    assert_int_equal(strlen(text), 5 + 1 + 43);
    snprintf(yaml, sizeof yaml,
             "format: \"1\"\ntokens:\n"
             "  - {id: a.b-1, hash: \"%s\", role: scorer, units: [\"30\"], note: Sở TTTT}\n"
             "  - {id: z, hash: \"%s\", role: reader}\n",
             hex, hex);
    assert_int_equal(load(yaml, &tokens, &said), 0);
    const token_t *found = tokens_find(tokens, text);
    assert_non_null(found);
    assert_string_equal(found->id, "a.b-1");
    assert_true(token_has_unit(found, registry_by_code(units, "30.so-tai-chinh")));
    assert_true(token_has_unit(found, registry_by_code(units, "30")));
    assert_false(token_has_unit(found, registry_by_code(units, "01.so-tai-chinh")));
    text[20] ^= 1; /* one letter of the secret */
    assert_null(tokens_find(tokens, text));
    static const char *const wrong[] = {"",
                                        ".",
                                        "a.b-1",
                                        "a.b-1.",
                                        "z.x",
                                        "nobody.x",
                                        "a-name-that-is-longer-than-any-id-may-ever-be-here.x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_null(tokens_find(tokens, wrong[i]));
    }
    tokens_destroy(&tokens);
    assert_null(tokens);
    free(said);
}

static void test_refused(void **state)
{
    (void)state;
#define HASH "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define FILE_OF(lines) "format: \"1\"\ntokens:\n" lines
    static const struct {
        const char *yaml, *expected;
    } bad[] = {
        {"format: \"2\"\ntokens: []\n", "expected \"1\""},
        {FILE_OF("  - {id: a, hash: \"12\", role: reader}\n"), "64 hex digits"},
        {FILE_OF("  - {id: a, hash: " HASH ", role: boss}\n"), "submitter"},
        {FILE_OF("  - {id: a, hash: " HASH ", role: submitter}\n"), "has no units"},
        {FILE_OF("  - {id: a, hash: " HASH ", role: reader, units: [\"30\"]}\n"), "expected none"},
        {FILE_OF("  - {id: a, hash: " HASH ", role: submitter, units: [\"99x\"]}\n"), "'99x'"},
        {FILE_OF("  - {id: a, hash: " HASH ", role: scorer, units: [\"30.so-y-te\"]}\n"),
         "code of a province"},
        {FILE_OF("  - {id: \"a b\", hash: " HASH ", role: reader}\n"), "'a b'"},
        {FILE_OF("  - {id: a, hash: " HASH ", role: reader}\n"
                 "  - {id: a, hash: " HASH ", role: operator}\n"),
         "stands twice"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tokens_t *tokens = NULL;
        char *said = NULL;
        assert_int_equal(load(bad[i].yaml, &tokens, &said), CHISO_E_CONFIG);
        assert_null(tokens);
        if (strstr(said, bad[i].expected) == NULL) {
            fail_msg("%zu: said \"%s\"", i, said);
        }
        free(said);
    }
}

static void fail_often(guard_t *guard, const char *address, int64_t now)
{
    for (int i = 0; i < GUARD_FAILURES; i++) {
        assert_int_equal(guard_wait(guard, address, now), 0);
        guard_failed(guard, address, now);
    }
}

static void test_guard(void **state)
{
    (void)state;
    guard_t *guard;
    assert_int_equal(guard_new(&guard), 0);
    fail_often(guard, "192.0.2.1", 1000);
    assert_int_equal(guard_wait(guard, "192.0.2.1", 2000), GUARD_WINDOW_MS - 1000);
    assert_true(guard_wait(guard, "::ffff:192.0.2.1", 2000) > 0); /* the same one */
    assert_int_equal(guard_wait(guard, "192.0.2.2", 2000), 0);
    fail_often(guard, "2001:db8::1", 1000);
    assert_true(guard_wait(guard, "2001:db8::ffff", 2000) > 0); /* the same network */
    assert_int_equal(guard_wait(guard, "2001:db8:0:1::1", 2000), 0);
    assert_int_equal(guard_wait(guard, "192.0.2.1", 1000 + GUARD_WINDOW_MS), 0);
    fail_often(guard, "192.0.2.1", 1000 + GUARD_WINDOW_MS);
    /* far more than there is room for */
    for (int i = 0; i < 4 * GUARD_ADDRESSES; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        guard_failed(guard, address, 200000 + i);
    }
    guard_destroy(&guard);
    assert_null(guard);
}

static int before(void **state)
{
    (void)state;
    folder_make(folder);
    return sodium_init() >= 0 && registry_load(TEST_ROOT "/catalogs/units", stderr, &units) == 0
               ? 0
               : -1;
}

static int after(void **state)
{
    (void)state;
    registry_destroy(&units);
    folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_guard)};
    return cmocka_run_group_tests(tests, before, after);
}

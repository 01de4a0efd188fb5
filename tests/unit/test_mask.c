/* test_mask.c - a secret in every form in which an answer may give it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fetch/mask.h"

static void check(const char *secret, const char *answer, const char *masked, int places)
{
    size_t len = strlen(answer);
    uint8_t *data = malloc(len + 1); /* of its exact size, so that a read past it is seen */
    assert_non_null(data);
    memcpy(data, answer, len);
    data = realloc(data, len > 0 ? len : 1);
    int got = mask_secret(secret, data, len);
    if (got != places || memcmp(data, masked, len) != 0) {
        fail_msg("\"%s\": %d places, \"%.*s\"", answer, got, (int)len, (const char *)data);
    }
    free(data);
}

static void test_forms(void **state)
{
    (void)state;
    check("mat-khau", "", "", 0);
    check("mat-khau", "mat-kha mat khau", "mat-kha mat khau", 0);
    check("mat-khau", "mat-khau", "********", 1);
    check("mat-khau", "<mat-khau>mat-khaumat-khau.", "<********>****************.", 3);
    check("m\xe1\xba\xadt/kh\"u&1", "{\"k\":\"m\xe1\xba\xadt\\/kh\\\"u&1\"}",
          "{\"k\":\"**************\"}", 1);
    check("m\xe1\xba\xadt/kh\"u&1", "{\"k\":\"m\\u1EADt/kh\\\"u&1\"}",
          "{\"k\":\"****************\"}", 1);
    check("m\xe1\xba\xadt/kh\"u&1", "<p>m\xe1\xba\xadt/kh&quot;u&amp;1</p>",
          "<p>*********************</p>", 1);
    check("mat/kh&u", "?k=mat%2Fkh%26u&l=mat%2fkh%26u", "?k=************&l=************", 2);
}

static void test_base64(void **state)
{
    (void)state;
    /* behind nothing, "a", "ab", "chiso:"; with something behind it */
    check("mat-khau", "bWF0LWtoYXU=", "************", 1);
    check("mat-khau", "\"YW1hdC1raGF1\"", "\"************\"", 1);
    check("mat-khau", "YWJtYXQta2hhdQ==.", "****************.", 1);
    check("mat-khau", "Basic Y2hpc286bWF0LWtoYXU=\n", "Basic ********************\n", 1);
    check("mat-khau", "Basic Y2hpc286bWF0LWtoYXU6MQ== x", "Basic ************************ x", 1);
    /* with digits that some write otherwise, and JSON escapes */
    check("\xff\xff\xfe????", "-//+Pz8/Pw==", "-//+Pz8/Pw==", 0); /* 7 bytes: too short */
    check("\xc3\xbf\xc3\xbf????", "w7/Dvz8/Pz8= w7_Dvz8_Pz8=", "************ ************", 2);
    check("\xc3\xbf\xc3\xbf????", "\"w7\\/Dvz8\\/Pz8=\"", "\"**************\"", 1);
}

static void test_short_ones_are_words(void **state)
{
    (void)state;
    check("chiso", "chiso Y2hpc28=", "chiso Y2hpc28=", 0);
    check("", "chiso", "chiso", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_short_ones_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

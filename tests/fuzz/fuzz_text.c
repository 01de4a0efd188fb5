/* fuzz_text.c - what is clean is normalised to the library's own NFC, tidy, and the same again when
 * done twice; what is not clean is refused by all. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/error.h"
#include "text/text.h"

#define INPUT_MAX 4096 /* the library's own normaliser is quadratic */

typedef int (*reform_t)(const char *text, size_t len, size_t max, char **out);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_tidy(const char *text)
{
    size_t len = strlen(text);
    return strstr(text, "  ") == NULL && strpbrk(text, "\t\r\n") == NULL &&
           strstr(text, "\xC2\xA0") == NULL &&
           (len == 0 || (text[0] != ' ' && text[len - 1] != ' '));
}

static void check_reform(reform_t reform, const char *text, size_t len)
{
    char *once = NULL;
    char *twice = NULL;
    require(reform(text, len, SIZE_MAX, &once) == 0);
    size_t once_len = strlen(once);
    require(text_is_nfc(once, once_len));
    require(is_tidy(once));
    /* The maximum is exact: it takes this length and not one byte less. */
    require(reform(once, once_len, once_len, &twice) == 0);
    require(strcmp(once, twice) == 0);
    free(twice);
    twice = NULL;
    require(reform(text, len, once_len, &twice) == 0);
    free(twice);
    twice = NULL;
    if (once_len > 0) {
        require(reform(text, len, once_len - 1, &twice) == CHISO_E_TOO_BIG && twice == NULL);
    }
    free(once);
}

/* White space aside, the library must agree. */
static void check_against_library(const char *text, size_t len)
{
    uint8_t *expected = NULL;
    utf8proc_ssize_t expected_len = utf8proc_map((const uint8_t *)text, (utf8proc_ssize_t)len,
                                                 &expected, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    require(expected_len >= 0);
    bool same = (size_t)expected_len == len && memcmp(expected, text, len) == 0;
    require(text_is_nfc(text, len) == same);
    char *ours = NULL;
    char *theirs = NULL;
    require(text_normalise(text, len, SIZE_MAX, &ours) == 0);
    require(text_normalise((const char *)expected, (size_t)expected_len, SIZE_MAX, &theirs) == 0);
    require(strcmp(ours, theirs) == 0);
    free(ours);
    free(theirs);
    free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    if (size > INPUT_MAX) {
        return 0;
    }
    if (text_is_clean(text, size)) {
        check_reform(text_normalise, text, size);
        check_reform(text_fold, text, size);
        check_against_library(size > 0 ? text : "", size);
        return 0;
    }
    char *out = NULL;
    require(!text_is_nfc(text, size));
    require(text_normalise(text, size, SIZE_MAX, &out) == CHISO_E_SYNTAX && out == NULL);
    require(text_fold(text, size, SIZE_MAX, &out) == CHISO_E_SYNTAX && out == NULL);
    return 0;
}

/* fuzz_field.c - any text as a number, a date, a date's format and a JSON Pointer. The input is two
 * lines: a format or pointer, and a text. */
#include "extract/field.h"

#include "base/error.h"
#include "extract/document.h"

#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What was read, written plainly, reads as the same in the plain format. */
static void check_number(const char *text)
{
    for (int format = FIELD_PLAIN; format <= FIELD_YES_NO; format++) {
        decimal_t value = decimal_of(-7), again;
        char plain[DECIMAL_TEXT_SIZE];
        int rc = field_number(text, (field_number_t)format, decimal_of(1), &value);
        if (rc != 0) {
            require(rc == CHISO_E_SYNTAX || rc == CHISO_E_RANGE);
            require(decimal_compare(value, decimal_of(-7)) == 0);
            continue;
        }
        decimal_format(value, plain);
        require(field_number(plain, FIELD_PLAIN, decimal_of(1), &again) == 0);
        require(decimal_compare(value, again) == 0);
        require(strpbrk(text, "0123456789") != NULL || format == FIELD_YES_NO);
    }
    decimal_t value, direct; /* what a decimal takes, the plain format takes as the same */
    int rc = decimal_parse(text, strlen(text), &direct);
    if (rc != CHISO_E_SYNTAX && strlen(text) < 200) {
        require(field_number(text, FIELD_PLAIN, decimal_of(1), &value) == rc);
        require(rc != 0 || decimal_compare(value, direct) == 0);
    }
}

static void check_date(const char *format, const char *text)
{
    static const char *const formats[] = {"iso", "epoch-ms", "dd-MM-yyyy", "d/M/yyyy HH:mm:ss"};
    int64_t ms = -7;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        int rc = field_date(text, formats[i], &ms);
        require(rc == 0 || (rc == CHISO_E_SYNTAX && ms == -7));
        require(ms >= -2209075200000 && ms < 7258204800000); /* 1900 to 2199, and the offsets */
        ms = -7;
    }
    int good = field_date_check(format);
    int rc = field_date(text, format, &ms);
    require(good == 0 || (good == CHISO_E_SYNTAX && rc == CHISO_E_SYNTAX));
    require(rc == 0 || ms == -7);
}

static void check_pointer(const char *pointer)
{
    static const char body[] = "{\"a\":[{\"b\":[1,[2,\"x\"]]},3],\"\":{\"~\":4,\"/\":5},\"0\":6,"
                               "\"-\":[7],\"đ\":8}";
    static json_t *tree;
    char reason[EXTRACT_REASON_SIZE];
    if (tree == NULL) {
        require(document_parse(bytes_of_text(body), reason, &tree) == 0);
    }
    if (!pointer_is_good(pointer)) {
        return;
    }
    buffer_t text = BUFFER_INIT(100);
    const json_t *place = pointer_get(tree, pointer);
    int rc = extract_json_text(bytes_of_text(body), pointer, &text);
    require(rc == 0 || rc == 1);
    require(rc == (place != NULL && document_text(place).data != NULL));
    require(
        bytes_equal(buffer_bytes(&text), place != NULL ? document_text(place) : bytes_of(NULL, 0)));
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *format = malloc(size + 1);
    require(format != NULL);
    if (size > 0) {
        memcpy(format, data, size);
    }
    format[size] = '\0';
    char *text = strchr(format, '\n');
    if (text != NULL) {
        *text++ = '\0';
        check_number(text);
        check_date(format, text);
        check_pointer(format);
    }
    free(format);
    return 0;
}

/* fuzz_dvc766.c - any bytes as the portal's answer: each row is whole and adds up, or is kept with
 * its bytes and the reason. */
#include "ingest/dvc766.h"

#include "text/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_good(const dvc766_row_t *row)
{
    decimal_t sum = DECIMAL_ZERO;
    require(row->id != NULL && row->id[0] != '\0' && row->agency != NULL && row->bytes == NULL);
    require(row->name[0] != '\0' && text_is_nfc(row->name, strlen(row->name)));
    require(row->level >= 1 && row->level <= 3);
    for (int i = 0; i < DVC766_TOTAL; i++) {
        require(decimal_sign(row->figures[i]) >= 0);
        require(decimal_add(sum, row->figures[i], &sum) == 0);
    }
    require(decimal_compare(sum, row->figures[DVC766_TOTAL]) == 0);
}

static void check_bad(const dvc766_row_t *row)
{
    static const char *const rules[] = {"schema", "number", "sum", "duplicate"};
    bool known = false;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        known = known || strcmp(row->rule, rules[i]) == 0;
    }
    require(known && row->reason[0] != '\0' && row->bytes != NULL);
    require(memchr(row->reason, '\0', sizeof row->reason) != NULL);
    json_t *json = json_loads(row->bytes, JSON_DECODE_ANY, NULL);
    require(json != NULL);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dvc766_board_t board;
    require(dvc766_parse(bytes_of(data, size), &board) == 0);
    if (board.kind != DVC766_ROWS) {
        require(board.n_rows == 0 && board.rows == NULL);
        require(board.kind == DVC766_NO_DATA || board.reason[0] != '\0');
        for (const char *c = board.reason; *c != '\0'; c++) {
            require(*c >= ' ' && *c <= '~');
        }
    }
    for (size_t i = 0; i < board.n_rows; i++) {
        if (board.rows[i].rule == NULL) {
            check_good(&board.rows[i]);
        } else {
            check_bad(&board.rows[i]);
        }
        for (size_t k = 0; k < i && i < 50; k++) { /* no two good rows of one id */
            require(board.rows[i].rule != NULL || board.rows[k].rule != NULL ||
                    strcmp(board.rows[i].id, board.rows[k].id) != 0);
        }
    }
    dvc766_free(&board);
    return 0;
}

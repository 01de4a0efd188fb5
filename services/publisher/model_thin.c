/* model_thin.c - how long the past is kept, see model.h. One walk over both histories in small
 * steps, so that it never holds up the loop; both have the same form of key: three parts, then the
 * inverted time. */
#include "base/error.h"
#include "log/log.h"
#include "model.h"
#include "period/moment.h"

#include <string.h>

#define MAX_DROPS 256
#define PARTS 3

/* Length of the key's first three parts, or 0 when it is not of that form. */
static size_t prefix_of(bytes_t key)
{
    unsigned parts = 0;
    for (size_t i = 0; i < key.len; i++) {
        parts += key.data[i] == 0 ? 1 : 0;
        if (parts == PARTS) {
            return i + 1 + 8 <= key.len ? i + 1 : 0;
        }
    }
    return 0;
}

/* Is it due? Newest first within a prefix: the newest stays, and so does what stood when the kept
 * time begins. */
static bool is_due(model_thin_t *t, bytes_t key, int64_t now)
{
    size_t len = prefix_of(key);
    if (len == 0) {
        return false;
    }
    int64_t at = (int64_t)(UINT64_MAX - be64_get(key.data + len));
    if (len != t->prefix_len || memcmp(key.data, t->key, len) != 0) {
        t->newer = at;
        t->count = 1;
        t->prefix_len = len;
        return false;
    }
    bool old = t->newer < now - t->options.keep_ms;
    bool same_day =
        at < now - t->options.full_ms &&
        (at + MOMENT_ZONE_MS) / MOMENT_DAY_MS == (t->newer + MOMENT_ZONE_MS) / MOMENT_DAY_MS;
    bool due = old || same_day || t->count >= MODEL_MAX_REVISIONS;
    if (!due) {
        t->newer = at;
        t->count++;
    }
    return due;
}

typedef struct {
    uint8_t key[STORE_MAX_KEY];
    size_t len;
} dropped_t;

/* Looks at up to `limit` records from where the last look ended; collects those that are due. */
static unsigned look(model_thin_t *t, store_txn_t *txn, int64_t now, unsigned limit,
                     dropped_t drops[MAX_DROPS])
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    unsigned n = 0;
    bool more = store_seek(txn, t->table, bytes_of(t->key, t->len), &cursor, &key, &value);
    if (more && t->len > 0 && bytes_equal(key, bytes_of(t->key, t->len))) {
        more = store_next(cursor, &key, &value);
    }
    for (; more && limit > 0 && n < MAX_DROPS; limit--) {
        if (is_due(t, key, now)) {
            memcpy(drops[n].key, key.data, key.len);
            drops[n++].len = key.len;
        }
        memcpy(t->key, key.data, key.len);
        t->len = key.len;
        more = store_next(cursor, &key, &value);
    }
    store_cursor_close(&cursor);
    if (!more) { /* the end of this table */
        t->done = t->table == MODEL_FIGURES;
        t->table = t->table == MODEL_HISTORY ? MODEL_FIGURES : MODEL_HISTORY;
        t->len = t->prefix_len = 0;
    }
    return n;
}

unsigned model_thin(model_t *m, int64_t now, unsigned limit, store_txn_t **write)
{
    static dropped_t drops[MAX_DROPS]; /* 125 KiB: not on the stack; the loop is the only caller */
    model_thin_t *t = &m->thin;
    store_table_t table = t->table;
    store_txn_t *txn = store_read(m->store);
    unsigned n = look(t, txn, now, limit, drops);
    store_abort(&txn);
    if (n == 0) {
        return 0;
    }
    txn = store_write(m->store);
    for (unsigned i = 0; i < n; i++) {
        store_delete(txn, table, bytes_of(drops[i].key, drops[i].len));
    }
    *write = txn;
    return n;
}

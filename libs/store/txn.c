/* txn.c - see store.h: transactions, and what is read and written through them.
 *
 * Transactions and cursors are small heap blocks; a write path makes a handful per commit, which
 * the fsync dwarfs. LMDB wants a write to begin and end on one thread, so that what is to be
 * committed on another one is noted first, see notes.h.
 */
#include "base/clock.h"
#include "inner.h"
#include "notes.h"

#include <errno.h>
#include <stdlib.h>

struct store_txn {
    store_t *store;
    MDB_txn *txn;
    buffer_t *notes; /* of a noted one, whose txn begins with its commit */
    int status;
    bool writes;
};

struct store_cursor {
    store_txn_t *txn;
    MDB_cursor *cursor;
};

static MDB_val val_of(bytes_t b)
{
    return (MDB_val){.mv_size = b.len, .mv_data = (void *)(uintptr_t)b.data};
}

static bytes_t bytes_of_val(MDB_val v)
{
    return bytes_of(v.mv_data, v.mv_size);
}

static store_txn_t *begin(store_t *store, bool writes)
{
    static store_txn_t no_memory = {.status = -ENOMEM};
    store_txn_t *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return &no_memory;
    }
    t->store = store;
    t->writes = writes;
    int rc = mdb_txn_begin(store->env, NULL, writes ? 0 : MDB_RDONLY, &t->txn);
    if (rc != 0) {
        t->txn = NULL;
        t->status = CHISO_E_STORE;
        store->last_failure = rc;
    }
    return t;
}

store_txn_t *store_write(store_t *store)
{
    return begin(store, true);
}

store_txn_t *store_read(store_t *store)
{
    return begin(store, false);
}

store_txn_t *store_note(store_t *store, buffer_t *notes)
{
    static store_txn_t no_memory = {.status = -ENOMEM};
    store_txn_t *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return &no_memory;
    }
    buffer_clear(notes);
    *t = (store_txn_t){.store = store, .notes = notes, .writes = true};
    return t;
}

bool store_is_noted(const store_txn_t *txn)
{
    return txn->notes != NULL;
}

void store_join(store_txn_t *into, store_txn_t **txn)
{
    const buffer_t *notes = (*txn)->notes;
    store_fail(into, (*txn)->status);
    if (into->notes != NULL && notes != NULL) { /* neither was born failed */
        buffer_append(into->notes, notes->data, notes->len);
        into->notes->failed |= notes->failed;
    }
    store_abort(txn);
}

/* True when it was noted: it is carried out by the commit. */
static bool noted(store_txn_t *txn, note_kind_t kind, store_table_t table, bytes_t key,
                  bytes_t value)
{
    if (txn->notes == NULL || txn->txn != NULL) {
        return false;
    }
    notes_add(txn->notes, &(note_t){kind, table, key, value});
    return true;
}

/* Nothing can be read through a noted one: what it would find is a mistake of the program. */
static bool readable(store_txn_t *txn)
{
    if (txn->status == 0 && txn->txn == NULL) {
        store_fail(txn, -EINVAL);
    }
    return txn->status == 0;
}

int store_status(const store_txn_t *txn)
{
    return txn->status;
}

void store_fail(store_txn_t *txn, int code)
{
    if (txn->status == 0) {
        txn->status = code;
    }
}

void store_abort(store_txn_t **txn)
{
    if (txn == NULL || *txn == NULL) {
        return;
    }
    store_txn_t *t = *txn;
    *txn = NULL;
    if (t->txn != NULL) {
        mdb_txn_abort(t->txn);
    }
    if (t->store != NULL) {
        free(t);
    }
}

static void delete_below(store_txn_t *t, MDB_dbi table, bytes_t key)
{
    MDB_cursor *cursor;
    MDB_val limit = val_of(key);
    MDB_val k;
    MDB_val v;
    int rc = mdb_cursor_open(t->txn, table, &cursor);
    if (rc != 0) {
        store_fail(t, code_of(t->store, rc));
        return;
    }
    while ((rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST)) == 0 &&
           mdb_cmp(t->txn, table, &k, &limit) < 0 && (rc = mdb_cursor_del(cursor, 0)) == 0) {
    }
    mdb_cursor_close(cursor);
    if (rc != 0 && rc != MDB_NOTFOUND) {
        store_fail(t, code_of(t->store, rc));
    }
}

static void carry_out_one(store_txn_t *t, const note_t *note)
{
    switch (note->kind) {
    case NOTE_PUT:
        store_put(t, note->table, note->key, note->value);
        break;
    case NOTE_APPEND:
        store_append(t, note->table, note->key, note->value);
        break;
    case NOTE_DELETE:
        store_delete(t, note->table, note->key);
        break;
    case NOTE_DELETE_BELOW:
        store_delete_below(t, note->table, note->key);
        break;
    }
}

/* Makes a noted transaction a real one. */
static void carry_out(store_txn_t *t)
{
    bytes_t notes = buffer_bytes(t->notes);
    note_t note;
    size_t at = 0;
    if (t->notes->failed) {
        store_fail(t, CHISO_E_TOO_BIG);
    }
    if (t->status != 0) {
        return;
    }
    int rc = mdb_txn_begin(t->store->env, NULL, 0, &t->txn);
    if (rc != 0) {
        t->txn = NULL;
        store_fail(t, code_of(t->store, rc));
        return;
    }
    while (t->status == 0 && notes_next(notes, &at, &note)) {
        carry_out_one(t, &note);
    }
}

/* A put with LMDB's meta page not yet fsync'd: the commit after it does that, see store.h. */
static int commit(store_txn_t *t, bool late)
{
    if (!late) {
        return mdb_txn_commit(t->txn);
    }
    mdb_env_set_flags(t->store->env, MDB_NOMETASYNC, 1);
    int rc = mdb_txn_commit(t->txn);
    mdb_env_set_flags(t->store->env, MDB_NOMETASYNC, 0);
    return rc;
}

void store_tell_commit(store_t *store, int64_t micros, int code)
{
    if (store->told != NULL) {
        store->told(store->context, micros, code);
    }
}

static int end(store_txn_t **txn, bool late)
{
    store_txn_t *t = *txn;
    int64_t before = clock_mono_us();
    if (t->notes != NULL) {
        carry_out(t);
    }
    int status = t->status;
    if (status == 0) {
        int rc = commit(t, late);
        t->txn = NULL; /* LMDB frees it whatever happens */
        status = rc == 0 ? 0 : code_of(t->store, rc);
        if (t->writes && !late) {
            store_tell_commit(t->store, clock_mono_us() - before, status);
        }
    }
    store_abort(txn);
    return status;
}

int store_commit(store_txn_t **txn)
{
    return end(txn, false);
}

int store_commit_late(store_txn_t **txn)
{
    return end(txn, true);
}

int store_sync(store_t *store)
{
    int rc = mdb_env_sync(store->env, 1);
    return rc == 0 ? 0 : code_of(store, rc);
}

const char *store_reason(const store_t *store)
{
    return store->last_failure != 0 ? mdb_strerror(store->last_failure) : "";
}

bool store_get(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t *value)
{
    if (!readable(txn)) {
        return false;
    }
    MDB_val k = val_of(key);
    MDB_val v;
    int rc = mdb_get(txn->txn, txn->store->tables[table], &k, &v);
    if (rc == 0) {
        *value = bytes_of_val(v);
    } else if (rc != MDB_NOTFOUND) {
        store_fail(txn, code_of(txn->store, rc));
    }
    return rc == 0;
}

static void put(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t value, unsigned flags)
{
    if (txn->status != 0) {
        return;
    }
    if (key.len == 0 || key.len > STORE_MAX_KEY) {
        store_fail(txn, CHISO_E_TOO_BIG);
        return;
    }
    if (noted(txn, flags == MDB_APPEND ? NOTE_APPEND : NOTE_PUT, table, key, value)) {
        return;
    }
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    int rc = mdb_put(txn->txn, txn->store->tables[table], &k, &v, flags);
    if (rc != 0) {
        store_fail(txn, code_of(txn->store, rc));
    }
}

void store_put(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t value)
{
    put(txn, table, key, value, 0);
}

void store_append(store_txn_t *txn, store_table_t table, bytes_t key, bytes_t value)
{
    put(txn, table, key, value, MDB_APPEND);
}

bool store_delete(store_txn_t *txn, store_table_t table, bytes_t key)
{
    if (txn->status != 0 || noted(txn, NOTE_DELETE, table, key, bytes_of(NULL, 0))) {
        return false;
    }
    MDB_val k = val_of(key);
    int rc = mdb_del(txn->txn, txn->store->tables[table], &k, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND) {
        store_fail(txn, code_of(txn->store, rc));
    }
    return rc == 0;
}

void store_delete_below(store_txn_t *txn, store_table_t table, bytes_t key)
{
    if (txn->status == 0 && !noted(txn, NOTE_DELETE_BELOW, table, key, bytes_of(NULL, 0))) {
        delete_below(txn, txn->store->tables[table], key);
    }
}

uint64_t store_count(store_txn_t *txn, store_table_t table)
{
    MDB_stat stat;
    if (!readable(txn) || mdb_stat(txn->txn, txn->store->tables[table], &stat) != 0) {
        return 0;
    }
    return stat.ms_entries;
}

static bool walk(store_cursor_t *c, MDB_cursor_op op, MDB_val k, bytes_t *key, bytes_t *value)
{
    MDB_val v;
    int rc = mdb_cursor_get(c->cursor, &k, &v, op);
    if (rc == 0) {
        *key = bytes_of_val(k);
        *value = bytes_of_val(v);
    } else if (rc != MDB_NOTFOUND) {
        store_fail(c->txn, code_of(c->txn->store, rc));
    }
    return rc == 0;
}

static store_cursor_t *cursor_open(store_txn_t *txn, store_table_t table)
{
    if (!readable(txn)) {
        return NULL;
    }
    store_cursor_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        store_fail(txn, -ENOMEM);
        return NULL;
    }
    c->txn = txn;
    int rc = mdb_cursor_open(txn->txn, txn->store->tables[table], &c->cursor);
    if (rc != 0) {
        store_fail(txn, code_of(txn->store, rc));
        free(c);
        return NULL;
    }
    return c;
}

bool store_seek(store_txn_t *txn, store_table_t table, bytes_t from, store_cursor_t **cursor,
                bytes_t *key, bytes_t *value)
{
    *cursor = cursor_open(txn, table);
    if (*cursor == NULL) {
        return false;
    }
    return walk(*cursor, from.len == 0 ? MDB_FIRST : MDB_SET_RANGE, val_of(from), key, value);
}

bool store_next(store_cursor_t *cursor, bytes_t *key, bytes_t *value)
{
    return cursor->txn->status == 0 && walk(cursor, MDB_NEXT, (MDB_val){0}, key, value);
}

bool store_last(store_txn_t *txn, store_table_t table, bytes_t *key, bytes_t *value)
{
    store_cursor_t *c = cursor_open(txn, table);
    bool found = c != NULL && walk(c, MDB_LAST, (MDB_val){0}, key, value);
    store_cursor_close(&c);
    return found;
}

void store_cursor_close(store_cursor_t **cursor)
{
    if (cursor == NULL || *cursor == NULL) {
        return;
    }
    mdb_cursor_close((*cursor)->cursor);
    free(*cursor);
    *cursor = NULL;
}

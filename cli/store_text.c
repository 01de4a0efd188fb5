/* store_text.c - chiso store export and import: a whole store as lines of JSON, and back.
 *
 * A data.mdb is of one kind of machine and of one version of LMDB; text is read by anything, in
 * thirty years too. Each line is one entry of one table, its bytes in Base64; what is in the
 * journal stands beside it as JSON, for readers only. The first line says what follows, the last
 * one how much it was. The import makes the same bytes again and walks the hash chain before it
 * lets the folder be a data folder.
 */
#include "base/clock.h"
#include "base/error.h"
#include "commands.h"
#include "event/event.h"
#include "ingest/ledger.h"
#include "journal/journal.h"
#include "landing.h"
#include "options.h"
#include "print.h"
#include "publisher/model.h"
#include "scorer/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_FORMAT 1
#define MAX_LINE ((size_t)16 * 1024 * 1024)
#define MAX_VALUE ((size_t)4 * 1024 * 1024)
#define LINES_A_COMMIT 1000

static const char usage[] = "usage: chiso store export --ingest|--scorer|--publisher DIR > FILE\n"
                            "       chiso store import --ingest|--scorer|--publisher DIR < FILE\n";

static const struct {
    const char *name;
    const char *const *tables;
    const char *gone; /* a table of texts exported before; nothing reads it any more */
} services[] = {{"ingest", ledger_tables, NULL},
                {"scorer", scorer_tables, "history"},
                {"publisher", model_tables, NULL}};
#define N_SERVICES 3

static int say(const char *path, int rc)
{
    fprintf(stderr, "chiso: %s: %s\n", path, chiso_strerror(rc));
    return rc;
}

/* ---- export ---- */

static void put_bytes(jw_t *j, const char *key, bytes_t bytes)
{
    size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    if (text == NULL) {
        j->out->failed = true;
        return;
    }
    sodium_bin2base64(text, size, bytes.data, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    jw_put_text(j, key, text);
    free(text);
}

static int print_out(buffer_t *line)
{
    buffer_append(line, "\n", 1);
    bool good = !line->failed && fwrite(line->data, 1, line->len, stdout) == line->len;
    buffer_clear(line);
    return good ? 0 : CHISO_E_TOO_BIG;
}

static int put_head(const char *service, const journal_t *journal, buffer_t *line)
{
    char hex[SHA256_HEX_SIZE];
    char epoch[17];
    uint8_t hash[SHA256_SIZE];
    jw_t j = jw_to(line);
    journal_head_hash(journal, hash);
    snprintf(epoch, sizeof epoch, "%016" PRIx64, journal_epoch(journal));
    jw_object(&j);
    jw_put_text(&j, "kind", "chiso store");
    jw_put_whole(&j, "format", TEXT_FORMAT);
    jw_put_text(&j, "version", CHISO_VERSION);
    jw_put_text(&j, "service", service);
    jw_put_whole(&j, "store_format", STORE_FORMAT);
    jw_put_text(&j, "epoch", epoch);
    jw_put_number(&j, "first", journal_first(journal));
    jw_put_number(&j, "head", journal_head(journal));
    jw_put_text(&j, "head_sha256", sha256_hex(hash, hex));
    jw_object_end(&j);
    return print_out(line);
}

/* What a record of the journal says, behind its header of 37 bytes (journal.h). */
static void put_event(jw_t *j, bytes_t key, bytes_t value)
{
    event_in_t in;
    char reason[256];
    if (key.len != 8 || value.len < 37) {
        return;
    }
    jw_put_number(j, "seq", be64_get(key.data));
    if (event_decode(bytes_of(value.data + 37, value.len - 37), reason, &in) == 0) {
        jw_key(j, "event");
        print_message(j, &in.event->base);
        event_release(&in);
    }
}

static int put_table(store_txn_t *txn, unsigned table, const char *name, buffer_t *line,
                     uint64_t *lines)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    int rc = 0;
    bool more = store_seek(txn, table, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more && rc == 0; more = store_next(cursor, &key, &value)) {
        jw_t j = jw_to(line);
        jw_object(&j);
        jw_put_text(&j, "table", name);
        put_bytes(&j, "key", key);
        put_bytes(&j, "value", value);
        if (strcmp(name, "journal") == 0) {
            put_event(&j, key, value);
        }
        jw_object_end(&j);
        rc = print_out(line);
        ++*lines;
    }
    store_cursor_close(&cursor);
    return rc != 0 ? rc : store_status(txn);
}

static int export(int service, const char *path)
{
    const char *const *tables = services[service].tables;
    store_t *store = options_open(path, tables);
    journal_t *journal = NULL;
    if (store == NULL) {
        return CHISO_EXIT_STORE;
    }
    buffer_t line = BUFFER_INIT(MAX_LINE);
    uint64_t lines = 0;
    store_txn_t *txn = store_read(store); /* before the journal: it is not behind what is read */
    int rc = journal_open(store, &(journal_options_t){.records = 0}, &journal);
    if (rc == 0) {
        rc = put_head(services[service].name, journal, &line);
    }
    for (unsigned i = 0; rc == 0 && tables[i] != NULL; i++) {
        rc = put_table(txn, i, tables[i], &line, &lines);
    }
    if (rc == 0) {
        buffer_printf(&line, "{\"end\":true,\"lines\":\"%" PRIu64 "\"}", lines);
        rc = print_out(&line);
    }
    if (rc == 0 && fflush(stdout) != 0) {
        rc = -errno;
    }
    store_abort(&txn);
    journal_close(&journal);
    store_close(&store);
    buffer_free(&line);
    return rc == 0 ? CHISO_EXIT_OK : (say(path, rc), CHISO_EXIT_STORE);
}

/* ---- import ---- */

typedef struct {
    int service;
    store_t *store;
    store_txn_t *txn;
    uint64_t line, entries;
    uint64_t head;
    char head_sha256[SHA256_HEX_SIZE];
    bool ended;
    uint8_t *key, *value; /* room of MAX_VALUE each */
} import_t;

static int wrong(const import_t *m, const char *what)
{
    fprintf(stderr, "chiso: line %" PRIu64 ": %s\n", m->line, what);
    return CHISO_E_SYNTAX;
}

static int take_head(import_t *m, const json_t *line)
{
    const char *kind = json_string_value(json_object_get(line, "kind"));
    const char *service = json_string_value(json_object_get(line, "service"));
    const char *head = json_string_value(json_object_get(line, "head"));
    const char *hash = json_string_value(json_object_get(line, "head_sha256"));
    json_int_t format = json_integer_value(json_object_get(line, "format"));
    json_int_t stored = json_integer_value(json_object_get(line, "store_format"));
    if (kind == NULL || strcmp(kind, "chiso store") != 0 || service == NULL || hash == NULL ||
        head == NULL || strlen(hash) != SHA256_HEX_SIZE - 1 ||
        options_number(head, &m->head) != 0) {
        return wrong(m, "is not the first line of an exported store");
    }
    if (format != TEXT_FORMAT || stored != STORE_FORMAT) {
        return wrong(m, "is of another format, exported by another version; import it with that "
                        "one");
    }
    if (strcmp(service, services[m->service].name) != 0) {
        fprintf(stderr, "chiso: it is a store of %s\n", service);
        return CHISO_E_INVALID;
    }
    memcpy(m->head_sha256, hash, SHA256_HEX_SIZE);
    return 0;
}

static bool take_bytes(const json_t *line, const char *key, uint8_t *room, bytes_t *out)
{
    const json_t *text = json_object_get(line, key);
    size_t n = 0;
    bool good = json_is_string(text) && sodium_base642bin(room, MAX_VALUE, json_string_value(text),
                                                          json_string_length(text), NULL, &n, NULL,
                                                          sodium_base64_VARIANT_ORIGINAL) == 0;
    if (good) {
        *out = bytes_of(room, n);
    }
    return good;
}

static int take_entry(import_t *m, const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "table"));
    const char *const *tables = services[m->service].tables;
    const char *gone = services[m->service].gone;
    unsigned table = 0;
    bytes_t key;
    bytes_t value;
    if (json_is_true(json_object_get(line, "end"))) {
        const char *lines = json_string_value(json_object_get(line, "lines"));
        uint64_t n;
        m->ended = lines != NULL && options_number(lines, &n) == 0 && n == m->entries;
        return m->ended ? 0 : wrong(m, "lines are missing before it");
    }
    while (name != NULL && tables[table] != NULL && strcmp(tables[table], name) != 0) {
        table++;
    }
    if (name != NULL && gone != NULL && strcmp(name, gone) == 0) {
        m->entries++;
        return 0;
    }
    if (name == NULL || tables[table] == NULL) {
        return wrong(m, "names no table of this service");
    }
    if (!take_bytes(line, "key", m->key, &key) || !take_bytes(line, "value", m->value, &value)) {
        return wrong(m, "key and value are not Base64");
    }
    if (m->txn == NULL) {
        m->txn = store_write(m->store);
    }
    store_put(m->txn, table, key, value);
    m->entries++;
    if (m->entries % LINES_A_COMMIT == 0) {
        return store_commit(&m->txn);
    }
    return store_status(m->txn);
}

static int take_lines(import_t *m)
{
    char *text = NULL;
    size_t size = 0;
    ssize_t n;
    int rc = 0;
    while (rc == 0 && (n = getline(&text, &size, stdin)) > 0) {
        json_error_t error;
        m->line++;
        json_t *line = (size_t)n <= MAX_LINE
                           ? json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &error)
                           : NULL;
        rc = line == NULL   ? wrong(m, "is not a JSON object, or too long")
             : m->ended     ? wrong(m, "stands behind the end")
             : m->line == 1 ? take_head(m, line)
                            : take_entry(m, line);
        json_decref(line);
    }
    free(text);
    if (rc == 0 && ferror(stdin)) {
        rc = -EIO;
    }
    if (rc == 0 && !m->ended) {
        m->line++;
        rc = wrong(m, "the end is missing: the file is cut off");
    }
    if (rc == 0 && m->txn != NULL) {
        rc = store_commit(&m->txn);
    }
    store_abort(&m->txn);
    return rc;
}

/* The chain from its beginning to the head that the first line told. */
static int check_chain(import_t *m)
{
    journal_t *journal = NULL;
    char reason[256] = "the head is another one than the first line says";
    char hex[SHA256_HEX_SIZE];
    uint8_t hash[SHA256_SIZE];
    uint64_t bad = 0;
    int rc = journal_open(m->store, &(journal_options_t){.records = 0}, &journal);
    if (rc != 0) {
        return say("the journal", rc);
    }
    store_txn_t *txn = store_read(m->store);
    bad = journal_head(journal);
    rc = journal_verify(journal, txn, &bad, reason, hash);
    store_abort(&txn);
    if (rc == 0 &&
        (strcmp(sha256_hex(hash, hex), m->head_sha256) != 0 || journal_head(journal) != m->head)) {
        rc = CHISO_E_CORRUPT;
    }
    if (rc != 0) {
        fprintf(stderr, "chiso: journal record %" PRIu64 ": %s\n", bad, reason);
    }
    journal_close(&journal);
    return rc;
}

static int fill(import_t *m, const char *work)
{
    char reason[256];
    store_options_t options = {.tables = services[m->service].tables};
    m->key = malloc(MAX_VALUE);
    m->value = malloc(MAX_VALUE);
    int rc = m->key == NULL || m->value == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        rc = store_open(work, &options, reason, &m->store);
        if (rc != 0) {
            fprintf(stderr, "chiso: cannot make the store: %s\n", reason);
        }
    }
    if (rc == 0) {
        rc = take_lines(m);
    }
    if (rc == 0) {
        rc = check_chain(m);
    }
    store_close(&m->store);
    free(m->key);
    free(m->value);
    return rc;
}

static int import(int service, const char *path)
{
    import_t m = {.service = service};
    char work[TREE_MAX_PATH];
    int fd = -1;
    if (landing_check(path) != 0) {
        return CHISO_EXIT_FINDING;
    }
    int rc = landing_begin(path, work, &fd);
    if (rc == 0) {
        rc = fill(&m, work);
        if (rc != 0) {
            tree_remove(work);
        }
    }
    if (rc == 0) {
        rc = landing_end(path, fd);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc != 0) {
        fprintf(stderr, "chiso: %s: nothing was imported\n", path);
        return rc == CHISO_E_STORE || rc > -1000 ? CHISO_EXIT_STORE : CHISO_EXIT_FINDING;
    }
    printf("%s: %" PRIu64 " entries, journal whole to %" PRIu64 ", head %s\n", path, m.entries,
           m.head, m.head_sha256);
    return CHISO_EXIT_OK;
}

int command_store(int argc, char **argv)
{
    const char *folders[N_SERVICES] = {NULL};
    const option_spec_t specs[] = {{.name = services[0].name, .value = &folders[0]},
                                   {.name = services[1].name, .value = &folders[1]},
                                   {.name = services[2].name, .value = &folders[2]},
                                   {0}};
    int first;
    int service = -1;
    unsigned given = 0;
    bool good = options_read(argc, argv, specs, &first) == 0 && first + 1 == argc;
    for (int i = 0; i < N_SERVICES; i++) {
        given += folders[i] != NULL;
        service = folders[i] != NULL ? i : service;
    }
    if (good && given == 1 && strcmp(argv[first], "export") == 0) {
        return export(service, folders[service]);
    }
    if (good && given == 1 && strcmp(argv[first], "import") == 0) {
        return import(service, folders[service]);
    }
    fputs(usage, stderr);
    return CHISO_EXIT_USAGE;
}

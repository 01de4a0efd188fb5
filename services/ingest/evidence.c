/* evidence.c - see evidence.h.
 *
 * The office formats are ZIP archives whose parts tell which one it is. An archive that begins with
 * one of their parts, or has it in its directory, is taken for it; whether it opens is for whoever
 * appraises it. Macros (docm, xlsm) have another content type, which is not taken.
 */
#include "evidence.h"

#include "base/error.h"
#include "event/wire.h"
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RECORD_MAX (4 * 1024 * 1024) /* SUBMISSION_MAX_ROWS units, and every token */

enum { PDF, PNG, JPEG, DOCX, XLSX, PPTX, ODT, ODS, ODP, TYPES };
#define OFFICE "application/vnd.openxmlformats-officedocument."
#define OPEN "application/vnd.oasis.opendocument."
static const evidence_type_t types[TYPES] = {
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"jpeg", "image/jpeg"},
    {"docx", OFFICE "wordprocessingml.document"},
    {"xlsx", OFFICE "spreadsheetml.sheet"},
    {"pptx", OFFICE "presentationml.presentation"},
    {"odt", OPEN "text"},
    {"ods", OPEN "spreadsheet"},
    {"odp", OPEN "presentation"},
};

static bool holds(bytes_t body, const char *text)
{
    return body.len > 0 && memmem(body.data, body.len, text, strlen(text)) != NULL;
}

/* The names of a ZIP's parts stand in its directory, at the end and uncompressed. */
static const evidence_type_t *sniff_zip(bytes_t body)
{
    /* OpenDocument: the first part is "mimetype", stored, and says it */
    static const size_t name_at = 30;
    static const char mimetype[] = "mimetype";
    if (body.len > name_at + 8 && memcmp(body.data + name_at, mimetype, 8) == 0) {
        bytes_t said = bytes_of(body.data + name_at + 8, body.len - name_at - 8);
        for (size_t i = ODT; i < TYPES; i++) {
            size_t len = strlen(types[i].media_type);
            /* no longer name: "…text-template" is another type */
            bool ends = said.len > len && (said.data[len] == 'P' || said.data[len] < ' ');
            if (bytes_start_with(said, bytes_of_text(types[i].media_type)) && ends) {
                return &types[i];
            }
        }
        return NULL;
    }
    if (!holds(body, "[Content_Types].xml") || holds(body, "vbaProject.bin")) {
        return NULL;
    }
    return holds(body, "word/document.xml")      ? &types[DOCX]
           : holds(body, "xl/workbook.xml")      ? &types[XLSX]
           : holds(body, "ppt/presentation.xml") ? &types[PPTX]
                                                 : NULL;
}

const evidence_type_t *evidence_sniff(bytes_t body)
{
    if (bytes_start_with(body, bytes_of_text("%PDF-"))) {
        return &types[PDF];
    }
    if (bytes_start_with(body, bytes_of_text("\x89PNG\r\n\x1a\n"))) {
        return &types[PNG];
    }
    if (bytes_start_with(body, bytes_of_text("\xFF\xD8\xFF"))) {
        return &types[JPEG];
    }
    return bytes_start_with(body, bytes_of_text("PK\x03\x04")) ? sniff_zip(body) : NULL;
}

bool evidence_declared(const evidence_type_t *type, const char *content_type)
{
    if (content_type == NULL) {
        return true;
    }
    size_t len = strcspn(content_type, "; \t");
    static const char any[] = "application/octet-stream";
    return (strlen(type->media_type) == len &&
            strncasecmp(content_type, type->media_type, len) == 0) ||
           (strlen(any) == len && strncasecmp(content_type, any, len) == 0);
}

const char *evidence_media_type(const char *name)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].media_type;
        }
    }
    return "application/octet-stream";
}

const char *evidence_types(void)
{
    return "pdf, png, jpeg, docx, xlsx, pptx, odt, ods, odp";
}

/* ---- what is stored ---- */

typedef Chiso__V1__Evidence record_t;

/* The record and its memory; false when it cannot be had. */
static bool unpack(store_txn_t *txn, bytes_t packed, wire_arena_t **arena, const record_t **out)
{
    ProtobufCMessage *message;
    int rc =
        wire_unpack(&chiso__v1__evidence__descriptor, packed, RECORD_MAX, NULL, arena, &message);
    if (rc != 0) {
        store_fail(txn, rc == -ENOMEM ? rc : CHISO_E_CORRUPT);
        return false;
    }
    *out = (const record_t *)message;
    return true;
}

static bool find(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], wire_arena_t **arena,
                 const record_t **out)
{
    bytes_t packed;
    return store_get(txn, LEDGER_EVIDENCE, bytes_of(hash, SHA256_SIZE), &packed) &&
           unpack(txn, packed, arena, out);
}

static void put(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const record_t *record)
{
    buffer_t packed = BUFFER_INIT(RECORD_MAX);
    wire_pack(&record->base, &packed);
    if (packed.failed) {
        store_fail(txn, CHISO_E_TOO_BIG);
    }
    store_put(txn, LEDGER_EVIDENCE, bytes_of(hash, SHA256_SIZE), buffer_bytes(&packed));
    buffer_free(&packed);
}

static bool lists(char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* The list with those of `more` that it does not have yet, NULL when there are none or there is no
 * memory; to be freed, its texts are borrowed. */
static char **joined(store_txn_t *txn, char *const *list, size_t *n, const char *const *more,
                     size_t n_more)
{
    size_t before = *n;
    char **all = calloc(before + n_more + 1, sizeof *all);
    if (all == NULL) {
        store_fail(txn, -ENOMEM);
        return NULL;
    }
    for (size_t i = 0; i < before; i++) {
        all[i] = list[i];
    }
    for (size_t i = 0; i < n_more; i++) {
        if (!lists(all, *n, more[i])) {
            all[(*n)++] = (char *)(uintptr_t)more[i];
        }
    }
    if (*n == before) {
        free(all);
        return NULL;
    }
    return all;
}

bool evidence_find(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], evidence_known_t *out)
{
    wire_arena_t *arena;
    const record_t *record;
    if (!find(txn, hash, &arena, &record)) {
        return false;
    }
    *out = (evidence_known_t){
        .rows = strcmp(record->type, EVIDENCE_ROWS) == 0, .size = record->size, .at = record->at};
    snprintf(out->type, sizeof out->type, "%s", record->type);
    wire_free(&arena);
    return true;
}

bool evidence_add(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const char *type,
                  uint64_t size, const char *token, int64_t at)
{
    wire_arena_t *arena;
    const record_t *known;
    record_t record = CHISO__V1__EVIDENCE__INIT;
    if (!find(txn, hash, &arena, &known)) {
        record.type = (char *)(uintptr_t)type;
        record.size = size;
        record.token = (char *)(uintptr_t)token;
        record.at = at;
        put(txn, hash, &record);
        return true;
    }
    record = *known;
    if (strcmp(record.token, token) != 0) {
        record.tokens = joined(txn, known->tokens, &record.n_tokens, &token, 1);
        if (record.tokens != NULL) {
            put(txn, hash, &record);
        }
        free(record.tokens);
    }
    wire_free(&arena);
    return false;
}

void evidence_used(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const char *const *units,
                   size_t n)
{
    wire_arena_t *arena;
    const record_t *known;
    if (!find(txn, hash, &arena, &known)) {
        return;
    }
    record_t record = *known;
    record.units = joined(txn, known->units, &record.n_units, units, n);
    if (record.units != NULL) {
        put(txn, hash, &record);
    }
    free(record.units);
    wire_free(&arena);
}

bool evidence_open_to(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const token_t *token,
                      const registry_t *units)
{
    wire_arena_t *arena;
    const record_t *record;
    if (token == NULL || !find(txn, hash, &arena, &record)) {
        return false;
    }
    size_t own = 0;
    for (size_t i = 0; i < record->n_units; i++) {
        const registry_unit_t *unit = registry_by_code(units, record->units[i]);
        own += unit != NULL && token_has_unit(token, unit);
    }
    bool rows = strcmp(record->type, EVIDENCE_ROWS) == 0;
    bool open = token->role == TOKEN_OPERATOR || strcmp(record->token, token->id) == 0 ||
                lists(record->tokens, record->n_tokens, token->id) ||
                (own > 0 && (!rows || own == record->n_units));
    wire_free(&arena);
    return open;
}

uint64_t evidence_total(store_txn_t *txn)
{
    store_cursor_t *cursor;
    bytes_t key;
    bytes_t value;
    uint64_t total = 0;
    bool more = store_seek(txn, LEDGER_EVIDENCE, bytes_of(NULL, 0), &cursor, &key, &value);
    for (; more; more = store_next(cursor, &key, &value)) {
        wire_arena_t *arena;
        const record_t *known;
        if (unpack(txn, value, &arena, &known)) {
            total += strcmp(known->type, EVIDENCE_ROWS) != 0 ? known->size : 0;
            wire_free(&arena);
        }
    }
    store_cursor_close(&cursor);
    return total;
}

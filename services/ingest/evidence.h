/* evidence.h - files that were handed in (tài liệu kiểm chứng): what they are, and who brought
 * them.
 *
 * The bytes lie in the archive under their SHA-256; here is what else is known. What is handed in
 * as rows is listed too: it is not for everybody's eyes, as the answers of sources are.
 *
 * A hash is no secret: the figures tell it to everybody. So who knows one may neither read the file
 * nor hand it in as his own; who brought the bytes may, and who answers for a unit that it was
 * handed in with.
 */
#ifndef CHISO_INGEST_EVIDENCE_H
#define CHISO_INGEST_EVIDENCE_H

#include "base/bytes.h"
#include "chiso/v1/store.pb-c.h"
#include "store/store.h"
#include "tokens.h"

typedef struct {
    const char *name;       /* "pdf" */
    const char *media_type; /* "application/pdf" */
} evidence_type_t;

/* What the bytes are, by the bytes: pdf, png, jpeg, docx, xlsx, pptx, odt, ods, odp. NULL for
 * anything else. */
const evidence_type_t *evidence_sniff(bytes_t body);

/* May bytes of this type be declared so? NULL, application/octet-stream and the type itself. */
bool evidence_declared(const evidence_type_t *type, const char *content_type);

/* "application/pdf" of "pdf"; application/octet-stream for a name that is none. */
const char *evidence_media_type(const char *name);

/* The types that are taken, for messages. */
const char *evidence_types(void);

/* What is known of a hash. */
typedef struct {
    bool rows; /* what was handed in as rows, no file */
    char type[16];
    uint64_t size;
    int64_t at;
} evidence_known_t;

bool evidence_find(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], evidence_known_t *out);
/* Returns whether it is new; of one that is known, notes who brought it again. */
bool evidence_add(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const char *type,
                  uint64_t size, const char *token, int64_t at);
#define EVIDENCE_ROWS "rows" /* the type of a submission's own body */

/* Notes the units that it was handed in with, of which it must be known. */
void evidence_used(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const char *const *units,
                   size_t n);

/* May the token read it, and hand it in with figures of its own? An operator always; who brought
 * it; who has one of the units that it was handed in with, or, for a body of rows, all of them. */
bool evidence_open_to(store_txn_t *txn, const uint8_t hash[SHA256_SIZE], const token_t *token,
                      const registry_t *units);

/* Bytes of all files. */
uint64_t evidence_total(store_txn_t *txn);

#endif

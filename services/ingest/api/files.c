/* files.c - POST /api/v1/evidence: one file is the body of one request. It is in the archive and
 * known as evidence before its hash is answered. */
#include "answers.h"

#include "base/clock.h"
#include "base/error.h"
#include "ingest/evidence.h"
#include "log/log.h"
#include "json/json.h"

#include <stdlib.h>

static void reply(const door_call_t *call, const uint8_t hash[SHA256_SIZE], const char *type,
                  size_t size, bool fresh)
{
    char hex[SHA256_HEX_SIZE];
    buffer_t body = BUFFER_INIT(1024);
    jw_t j = jw_to(&body);
    jw_object(&j);
    jw_put_text(&j, "sha256", sha256_hex(hash, hex));
    jw_put_text(&j, "type", type);
    jw_put_number(&j, "size", size);
    jw_put_flag(&j, "new", fresh);
    jw_object_end(&j);
    http_set_header(call->request, "Cache-Control", "no-store");
    http_reply(call->request, fresh ? 201 : 200, "application/json; charset=utf-8",
               buffer_bytes(&body));
    buffer_free(&body);
}

static void keep(const door_call_t *call, const uint8_t hash[SHA256_SIZE], bytes_t body,
                 const char *type)
{
    const door_setup_t *in = call->in;
    evidence_known_t known;
    store_txn_t *txn = store_write(in->store);
    bool fresh = !evidence_find(txn, hash, &known);
    bool room = !fresh || evidence_total(txn) + body.len <= in->config->http->evidence_total_bytes;
    int rc = room ? archive_keep(in->archive, body, hash) : CHISO_E_FULL;
    if (rc != 0) {
        store_fail(txn, rc);
    }
    evidence_add(txn, hash, type, body.len, call->token->id, clock_wall_ms());
    if (fresh && !store_has_room(in->store)) {
        store_fail(txn, CHISO_E_FULL);
    }
    rc = store_commit(&txn);
    if (rc != 0) {
        door_refuse_store(call, rc);
    } else {
        reply(call, hash, type, body.len, fresh);
    }
    in->committed(in->context, rc, false);
}

void answer_post_evidence(const door_call_t *call)
{
    bytes_t body = http_body(call->request);
    uint8_t hash[SHA256_SIZE];
    const char *declared = http_header(call->request, "Content-Type");
    const evidence_type_t *type = evidence_sniff(body);
    if (body.len == 0) {
        http_reply_problem(call->request, 400, "the body is empty; expected the bytes of one file");
        return;
    }
    if (type == NULL) {
        http_reply_problem(call->request, 415, "the file is none of %s, by its bytes",
                           evidence_types());
        return;
    }
    if (!evidence_declared(type, declared)) {
        http_reply_problem(call->request, 415, "the file is declared as '%.80s' and is %s",
                           declared, type->media_type);
        return;
    }
    sha256(body, hash);
    keep(call, hash, body, type->name);
}

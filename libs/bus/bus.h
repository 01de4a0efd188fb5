/* bus.h - consumers pull a producer's journal; nothing is ever "sent and forgotten".
 *
 *   DEALER → ROUTER   FETCH {consumer, epoch, from_seq, credit}  = acknowledges all before from_seq
 *   ROUTER → DEALER   BATCH {epoch, first_seq, head_seq, events} | RESET | parked until a commit
 *
 * Offsets are visible and there is no publish(): the consumer applies a batch, its own outgoing
 * events and the new offset in one transaction, and its next FETCH says so. After RESET (another
 * epoch, or a position that was trimmed) it takes a snapshot of the producer's current state, page
 * by page, and goes on from the tail that the first page names. A page may already hold changes
 * that the tail repeats, so applying must be idempotent by revision.
 *
 * This is the embedded back end, on ZeroMQ. With `curve` both ends prove their keys; a server
 * without keys may only bind a loopback or ipc address (bus_check_options).
 */
#ifndef CHISO_BUS_BUS_H
#define CHISO_BUS_BUS_H

#include "base/bytes.h"
#include "journal/journal.h"
#include "store/store.h"

#include <czmq.h>
#include <stdbool.h>
#include <stdint.h>

#define BUS_MAX_FRAME (16 * 1024 * 1024)
#define BUS_BATCH_EVENTS 1024
#define BUS_BATCH_BYTES (4 * 1024 * 1024)
#define BUS_SNAPSHOT_MAX (512u * 1024 * 1024) /* bytes of a whole snapshot */
#define BUS_PARK_MS 1000                      /* an idle FETCH is answered by an empty BATCH */
#define BUS_PATIENCE_MS 2000                  /* without an answer the FETCH is sent again */

#define BUS_MAX_SERVERS 8 /* keys of one producer */

/* CURVE keys, made by `chiso keygen`. All NULL: no CURVE. */
typedef struct {
    const char *secret;  /* this end's key file */
    const char *server;  /* client: the server's public key file, or a folder of those that it may
                            have (*.key): they are tried in turn while no handshake succeeds */
    const char *clients; /* server: folder of the public keys that may connect */
} bus_curve_t;

/* Handshakes that failed since the start. */
typedef struct {
    uint64_t times;
    const char *why; /* of the last, a constant; NULL: there was none */
} bus_refusals_t;

/* Sets the process up for ZeroMQ (our own signal handling, large frames). Once, before the rest. */
void bus_init(void);

/* ---- producer ---- */

typedef struct bus_server bus_server_t;

/* Appends the next page of the producer's state, as packed events, each with bus_page_add(), until
 * bus_page_full(). `cursor` is empty on the first call, later what the last page left in
 * bus_page_continue(); a page without bus_page_continue() is the last. 0 or a negative code. */
typedef struct bus_page bus_page_t;
typedef int (*bus_snapshot_fn)(void *context, bytes_t cursor, bus_page_t *page);
void bus_page_add(bus_page_t *page, bytes_t event);
bool bus_page_full(const bus_page_t *page);
void bus_page_continue(bus_page_t *page, bytes_t cursor);

typedef struct {
    const char *endpoint; /* "tcp://127.0.0.1:7101", "ipc:///run/chiso/ingest.sock"; port * = any */
    bus_curve_t curve;
    store_t *store;
    journal_t *journal;
    bus_snapshot_fn snapshot;
    void (*failed)(void *context); /* the journal cannot be read: the owner should stop */
    /* How long ago, in ms, the owner heard of the start of the line; NULL: it is the start. */
    uint64_t (*upstream_age)(void *context);
    void *context;
} bus_server_options_t;

/* Binds and joins the loop. 0; -errno; CHISO_E_CONFIG with a reason. */
int bus_server_start(zloop_t *loop, const bus_server_options_t *options, char reason[256],
                     bus_server_t **out);
void bus_server_stop(bus_server_t **server);
const char *bus_server_endpoint(const bus_server_t *server); /* with the port that was taken */
/* Takes other keys while it runs: binds anew under them when they have changed, so that consumers
 * connect again. Nothing when there were none, or are none now. 0; CHISO_E_CONFIG with a reason and
 * nothing changed; -errno: it is no longer bound, the owner should stop. */
int bus_server_rekey(bus_server_t *server, const bus_curve_t *curve, char reason[256]);
bus_refusals_t bus_server_refusals(const bus_server_t *server);
/* False when the authenticator has ended: then nobody new is let in. */
bool bus_server_guarded(const bus_server_t *server);
/* After each commit that appended: answers the parked. */
void bus_server_announce(bus_server_t *server);

/* ---- consumer ---- */

typedef struct bus_client bus_client_t;

/* Both return 0 when applied; CHISO_E_FULL to be given the same again in a second; anything else
 * stops the client for good (the process is expected to stop too). What a snapshot brought is
 * durable then. So is a batch, unless `durable` is given: it says the first number that is not
 * durable yet, up to which the producer is told that it has been read. */
typedef struct {
    int (*batch)(void *context, uint64_t epoch, uint64_t first_seq, const bytes_t *events,
                 size_t n_events, uint64_t head_seq);
    int (*snapshot)(void *context, uint64_t epoch, uint64_t tail_seq, const bytes_t *events,
                    size_t n_events);
    void *context;
    uint64_t (*durable)(void *context); /* may be NULL */
} bus_handler_t;

typedef struct {
    const char *endpoint;
    bus_curve_t curve;
    const char *consumer; /* name under which the producer keeps the acknowledgement */
    uint64_t epoch;       /* as stored by the last commit; 0: none yet */
    uint64_t next_seq;    /* first one wanted; 1 when epoch is 0 */
    bool fresh_snapshot;  /* begin with a snapshot whatever the position */
} bus_client_options_t;

int bus_client_start(zloop_t *loop, const bus_client_options_t *options,
                     const bus_handler_t *handler, char reason[256], bus_client_t **out);
void bus_client_stop(bus_client_t **client);
/* As of the server; connects again when the keys have changed. 0 or CHISO_E_CONFIG. */
int bus_client_rekey(bus_client_t *client, const bus_curve_t *curve, char reason[256]);
bus_refusals_t bus_client_refusals(const bus_client_t *client);
/* True when the producer answered within BUS_PATIENCE_MS. */
bool bus_client_connected(const bus_client_t *client);
uint64_t bus_client_lag(const bus_client_t *client); /* events behind the producer's head */
/* How long ago, in ms, something was heard of the start of the line, through all producers before
 * this one; UINT64_MAX: never. No clocks of two machines are compared. */
uint64_t bus_client_upstream_age(const bus_client_t *client);

/* 0, or CHISO_E_CONFIG with a reason: an open endpoint without keys, a key file that is not one. */
int bus_check_endpoint(const char *endpoint, const bus_curve_t *curve, bool server,
                       char reason[256]);

#endif

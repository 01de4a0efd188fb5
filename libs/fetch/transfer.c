/* transfer.c - see transfer.h.
 *
 * What a request may do is enforced where it cannot be talked around: the address when the socket
 * is opened (after DNS, so a name that points inwards gains nothing) and again when the request
 * goes out (a kept connection of a laxer request must not carry a stricter one), the size where the
 * decoded bytes arrive. Reasons name the origin only: the path of a webhook is as secret as its
 * query.
 */
#include "fetch/transfer.h"

#include "base/clock.h"
#include "fetch/fetch_internal.h"
#include "fetch/network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_ANSWER_HEADERS ((size_t)256 << 10)
#define MAX_ANSWER_LINES 256
#define MAX_CODINGS 1 /* each more multiplies what a small body can make us unpack */
#define PACKING 65536
#define MAX_KEPT ((size_t)(FETCH_MAX_KEPT + 4) * (FETCH_HEADER_MAX + 128))
#define SYSTEM_CA_DIR "/etc/ssl/certs"

int transfer_new(const fetch_request_t *request, transfer_t **out)
{
    transfer_t *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return -ENOMEM;
    }
    int rc = fetch_copy_make(request, &t->request);
    /* made here, so that an answer can always be given */
    t->answer = rc == 0 ? calloc(1, sizeof *t->answer) : NULL;
    if (t->answer == NULL) {
        transfer_destroy(&t);
        return rc != 0 ? rc : -ENOMEM;
    }
    t->answer->context = request->context;
    t->answer->retry_after_ms = -1;
    t->answer->body.max = t->request.policy.max_body;
    t->answer->kept.max = MAX_KEPT;
    *out = t;
    return 0;
}

void transfer_destroy(transfer_t **p)
{
    transfer_t *t = *p;
    *p = NULL;
    if (t == NULL) {
        return;
    }
    fetch_copy_free(&t->request);
    fetch_answer_free(&t->answer);
    free(t);
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    transfer_t *t = context;
    buffer_t *body = &t->answer->body;
    size_t len = size * count;
    size_t room = body->max - body->len;
    buffer_append(body, data, len < room ? len : room);
    t->no_memory = body->failed;
    t->too_big = len > room;
    return t->no_memory || t->too_big ? CURL_WRITEFUNC_ERROR : len;
}

static bool is_one_of(const char *text, size_t len, const char *const *list)
{
    while (*list != NULL && (strlen(*list) != len || strncasecmp(text, *list, len) != 0)) {
        list++;
    }
    return *list != NULL;
}

/* Looks for headers that lay codings over the body. curl would unpack several, and whatever else
 * (brotli, zstd) it was built with, asked for or not. */
static void note_codings(transfer_t *t, const char *line, size_t len)
{
    static const char *const headers[] = {"Content-Encoding", "Transfer-Encoding", NULL};
    static const char *const plain[] = {"identity", "none", "chunked", NULL};
    static const char *const packed[] = {"gzip", "x-gzip", "deflate", NULL};
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || !is_one_of(line, (size_t)(colon - line), headers)) {
        return;
    }
    for (size_t at = (size_t)(colon - line) + 1; at < len; at++) {
        size_t begin = at;
        while (at < len && strchr(" \t\r\n,", line[at]) == NULL) {
            at++;
        }
        if (at == begin || is_one_of(line + begin, at - begin, plain)) {
            continue;
        }
        t->codings++;
        t->coding_unknown = t->coding_unknown || !is_one_of(line + begin, at - begin, packed);
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    transfer_t *t = context;
    size_t len = size * count;
    if (len > 9 && strncmp(data, "HTTP/", 5) == 0) {
        const char *space = memchr(data, ' ', len - 1);
        t->begun = space != NULL && space[1] != '1'; /* 100, 103: the answer is still to come */
    }
    t->moved_at = clock_mono_ms();
    t->header_bytes += len;
    t->header_lines++;
    note_codings(t, data, len);
    return t->header_bytes > MAX_ANSWER_HEADERS || t->header_lines > MAX_ANSWER_LINES ||
                   t->codings > MAX_CODINGS || t->coding_unknown
               ? CURL_WRITEFUNC_ERROR
               : len;
}

/* Called at least once a second. A stream that unpacks to nothing reaches on_body never, so its
 * bytes are counted here too; packing may add a little to what cannot be packed. */
static int on_progress(void *context, curl_off_t total, curl_off_t arrived, curl_off_t out_total,
                       curl_off_t out)
{
    (void)total;
    (void)out_total;
    (void)out;
    transfer_t *t = context;
    const fetch_policy_t *p = &t->request.policy;
    int64_t now = clock_mono_ms();
    if (arrived != t->arrived) {
        t->arrived = arrived;
        t->moved_at = now;
    }
    t->too_big = t->too_big || (uint64_t)arrived > p->max_body + p->max_body / 1024 + PACKING;
    t->stalled = t->begun && now - t->moved_at >= p->stall_timeout_ms;
    return t->too_big || t->stalled;
}

static void note_refused(transfer_t *t, const char *ip)
{
    t->refused = true;
    snprintf(t->refused_ip, sizeof t->refused_ip, "%s", ip);
}

static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)purpose;
    transfer_t *t = context;
    network_address_t address;
    char ip[NETWORK_TEXT_SIZE];
    if (!network_of_sockaddr(&to->addr, &address)) {
        note_refused(t, "of an unknown family");
        return CURL_SOCKET_BAD;
    }
    if (!network_allows(t->request.policy.allow_networks, &address)) {
        note_refused(t, network_text(&address, ip));
        return CURL_SOCKET_BAD;
    }
    t->connecting = true;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int on_connected(void *context, char *peer, char *local, int peer_port, int local_port)
{
    (void)local;
    (void)peer_port;
    (void)local_port;
    transfer_t *t = context;
    network_address_t address;
    if (network_of_text(peer, &address) &&
        network_allows(t->request.policy.allow_networks, &address)) {
        return CURL_PREREQFUNC_OK;
    }
    note_refused(t, peer);
    t->peer_refused = true;
    return CURL_PREREQFUNC_ABORT;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool set_policy(transfer_t *t, CURL *easy)
{
    const fetch_policy_t *p = &t->request.policy;
    bool ok = true;
    SET(CURLOPT_PROTOCOLS_STR, p->allow_http ? "http,https" : "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_timeout_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_PINNEDPUBLICKEY, p->pinned_key);
    SET(CURLOPT_SSLCERT, p->client_cert);
    SET(CURLOPT_SSLKEY, p->client_key);
    if (p->ca_file != NULL) {
        SET(CURLOPT_CAINFO, p->ca_file);
        SET(CURLOPT_CAPATH, SYSTEM_CA_DIR);
    } else {
        /* with a directory set, curl does not keep the parsed bundle, and each new connection
         * would parse all of it again in this one thread */
        SET(CURLOPT_CAPATH, NULL);
    }
    return ok;
}

static bool set_method(transfer_t *t, CURL *easy)
{
    bool ok = true;
    if (strcmp(t->request.method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (strcmp(t->request.method, "GET") != 0 || t->request.body_len > 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request.body_len);
        SET(CURLOPT_POSTFIELDS, t->request.body != NULL ? (const char *)t->request.body : "");
        if (strcmp(t->request.method, "POST") != 0) {
            SET(CURLOPT_CUSTOMREQUEST, t->request.method);
        }
    }
    return ok;
}

bool transfer_set_up(transfer_t *t, CURL *easy, const char *user_agent)
{
    bool ok = true;
    SET(CURLOPT_ERRORBUFFER, t->error);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* a name server that does not answer: leave the resolver's thread behind rather than wait for
     * it here, where all other requests would wait too. It frees what it holds when it ends. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_URL, t->request.url);
    SET(CURLOPT_USERAGENT, user_agent);
    SET(CURLOPT_HTTPHEADER, t->request.headers);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    if (t->request.jar != NULL) {
        SET(CURLOPT_SHARE, fetch_jar_share(t->request.jar));
        SET(CURLOPT_COOKIEFILE, ""); /* switches cookies on */
    }
    if (!ok || !set_method(t, easy) || !set_policy(t, easy)) {
        transfer_fail(t, "out of memory");
        return false;
    }
    return true;
}

static void end(transfer_t *t, fetch_result_t result, const char *reason)
{
    fetch_answer_t *a = t->answer;
    char text[sizeof a->reason];
    a->result = result;
    a->answered_at = clock_wall_ms();
    if (result != FETCH_ANSWERED) {
        snprintf(text, sizeof text, "%s: %s", t->request.origin, reason);
        fetch_copy_printable(a->reason, sizeof a->reason, text);
    }
    if (result != FETCH_ANSWERED && result != FETCH_TOO_BIG) {
        buffer_free(&a->body);
        buffer_free(&a->kept);
    }
}

void transfer_fail(transfer_t *t, const char *reason)
{
    end(t, FETCH_NO_ANSWER, reason);
}

bool transfer_is_allowed(transfer_t *t)
{
    bool https = strncmp(t->request.origin, "https:", 6) == 0;
    bool http = strncmp(t->request.origin, "http:", 5) == 0;
    if (https || (http && t->request.policy.allow_http)) {
        return true;
    }
    end(t, FETCH_REFUSED, http ? "plain http is not allowed" : "neither https nor http");
    return false;
}

static void end_refused(transfer_t *t)
{
    char reason[160];
    snprintf(reason, sizeof reason, "address %s is not public and not in allow_networks",
             t->refused_ip);
    end(t, FETCH_REFUSED, reason);
}

static void end_for(transfer_t *t, CURLcode code)
{
    char reason[80];
    if (t->too_big) {
        snprintf(reason, sizeof reason, "body is larger than %zu bytes",
                 t->request.policy.max_body);
        end(t, FETCH_TOO_BIG, reason);
    } else if (t->no_memory) {
        transfer_fail(t, "out of memory");
    } else if (t->header_bytes > MAX_ANSWER_HEADERS || t->header_lines > MAX_ANSWER_LINES) {
        transfer_fail(t, "headers are too large");
    } else if (t->coding_unknown) {
        transfer_fail(t, "a content coding that was not asked for");
    } else if (t->codings > MAX_CODINGS) {
        transfer_fail(t, "more than one content coding");
    } else if (t->peer_refused || (t->refused && !t->connecting)) {
        end_refused(t);
    } else if (t->stalled) {
        snprintf(reason, sizeof reason, "stalled: no byte for %lld ms",
                 (long long)t->request.policy.stall_timeout_ms);
        end(t, FETCH_TIMED_OUT, reason);
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        end(t, FETCH_TIMED_OUT, t->error[0] != '\0' ? t->error : "timed out");
    } else {
        transfer_fail(t, t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
    }
}

bool transfer_finish(transfer_t *t, CURL *easy, CURLcode code)
{
    curl_off_t sent_after = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after);
    if (code == CURLE_OK || t->too_big) {
        t->no_memory = !fetch_head_read(easy, buffer_bytes(&t->request.keep), t->answer);
    }
    if (t->request.jar != NULL) {
        fetch_jar_limit(t->request.jar);
    }
    if (code == CURLE_OK && !t->no_memory) {
        end(t, FETCH_ANSWERED, "");
    } else {
        end_for(t, code);
    }
    return sent_after > 0 || t->answer->result == FETCH_REFUSED;
}

void transfer_take_off(CURL *easy)
{
    /* a reset leaves the cookies on the handle */
    curl_easy_setopt(easy, CURLOPT_COOKIEFILE, NULL);
    curl_easy_setopt(easy, CURLOPT_SHARE, NULL);
    curl_easy_reset(easy);
}

/* frame.c - see frame.h, and the options that both ends check. */
#include "bus/frame.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void bus_init(void)
{
    static bool done;
    if (!done) {
        done = true;
        /* signals are read from a signalfd by the services; czmq must not install handlers */
        zsys_init();
        zsys_handler_set(NULL);
        zsys_set_logstream(stderr);
    }
}

int frame_decode(bytes_t in, wire_arena_t **arena, const frame_t **out)
{
    ProtobufCMessage *message;
    int rc = wire_unpack(&chiso__v1__frame__descriptor, in, BUS_MAX_FRAME, NULL, arena, &message);
    if (rc == 0) {
        *out = (const frame_t *)message;
    }
    return rc;
}

bool frame_send(zsock_t *socket, const frame_t *frame)
{
    bool sent = false;
    buffer_t packed = BUFFER_INIT(BUS_MAX_FRAME);
    wire_pack(&frame->base, &packed);
    if (!packed.failed) {
        sent = zmq_send(zsock_resolve(socket), packed.data, packed.len, ZMQ_DONTWAIT) >= 0;
    }
    buffer_free(&packed);
    return sent;
}

zcert_t *frame_load_key(const char *file, char reason[256])
{
    zcert_t *cert = access(file, R_OK) == 0 ? zcert_load(file) : NULL;
    if (cert == NULL) {
        snprintf(reason, 256, "%s: not a readable key file; expected one made by 'chiso keygen'",
                 file);
    }
    return cert;
}

static int is_public_key(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 4, ".key") == 0;
}

static int take_server(const char *file, char key[FRAME_KEY_SIZE], char reason[256])
{
    zcert_t *cert = frame_load_key(file, reason);
    if (cert == NULL) {
        return CHISO_E_CONFIG;
    }
    snprintf(key, FRAME_KEY_SIZE, "%s", zcert_public_txt(cert));
    zcert_destroy(&cert);
    return 0;
}

int frame_load_servers(const char *path, char keys[BUS_MAX_SERVERS][FRAME_KEY_SIZE],
                       char reason[256])
{
    struct stat file;
    if (stat(path, &file) != 0 || !S_ISDIR(file.st_mode)) {
        int rc = take_server(path, keys[0], reason);
        return rc == 0 ? 1 : rc;
    }
    struct dirent **entries;
    int n = scandir(path, &entries, is_public_key, alphasort);
    int rc = 0;
    if (n <= 0 || n > BUS_MAX_SERVERS) {
        snprintf(reason, 256, "%s: %d files *.key; expected 1 to %d", path, n < 0 ? 0 : n,
                 BUS_MAX_SERVERS);
        rc = CHISO_E_CONFIG;
    }
    for (int i = 0; i < n; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);
        rc = rc == 0 ? take_server(name, keys[i], reason) : rc;
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return rc == 0 ? n : rc;
}

static bool is_local(const char *endpoint)
{
    static const char *const local[] = {"ipc://", "inproc://", "tcp://127.",
                                        "tcp://[::1]:", "tcp://localhost:"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if (strncmp(endpoint, local[i], strlen(local[i])) == 0) {
            return true;
        }
    }
    return false;
}

static int check_key(const char *file, const char *what, char reason[256])
{
    if (file == NULL) {
        snprintf(reason, 256, "CURVE needs %s as well", what);
        return CHISO_E_CONFIG;
    }
    if (access(file, R_OK) != 0) {
        snprintf(reason, 256, "%s: %s", file, strerror(errno));
        return CHISO_E_CONFIG;
    }
    return 0;
}

int bus_check_endpoint(const char *endpoint, const bus_curve_t *curve, bool server,
                       char reason[256])
{
    bool has_scheme = strncmp(endpoint, "tcp://", 6) == 0 || strncmp(endpoint, "ipc://", 6) == 0;
    if (!has_scheme) {
        snprintf(reason, 256, "'%s'; expected tcp://ADDRESS:PORT or ipc://PATH", endpoint);
        return CHISO_E_CONFIG;
    }
    if (curve->secret == NULL) {
        if (server && !is_local(endpoint)) {
            snprintf(reason, 256,
                     "'%s' is open to the network; expected CURVE keys ('chiso keygen') or a "
                     "loopback or ipc address",
                     endpoint);
            return CHISO_E_CONFIG;
        }
        return 0;
    }
    int rc = check_key(curve->secret, "this end's secret key file", reason);
    if (rc == 0) {
        rc = server ? check_key(curve->clients, "a folder of client keys", reason)
                    : check_key(curve->server, "the server's public key file", reason);
    }
    char keys[BUS_MAX_SERVERS][FRAME_KEY_SIZE];
    zcert_t *own = rc == 0 ? frame_load_key(curve->secret, reason) : NULL;
    if (rc == 0 &&
        (own == NULL || (!server && frame_load_servers(curve->server, keys, reason) < 0))) {
        rc = CHISO_E_CONFIG;
    }
    zcert_destroy(&own);
    return rc;
}

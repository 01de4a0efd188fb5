/* keygen.c - chiso keygen: CURVE key pairs for the bus. */
#include "base/error.h"
#include "bus/bus.h"
#include "commands.h"
#include "options.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int command_keygen(int argc, char **argv)
{
    const char *out = NULL;
    const option_spec_t specs[] = {{.name = "out", .value = &out}, {0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || out == NULL || first + 1 != argc ||
        *argv[first] == '\0' || strpbrk(argv[first], "/ ") != NULL) {
        fprintf(stderr, "usage: chiso keygen --out DIR NAME\n");
        return CHISO_EXIT_USAGE;
    }
    char path[4096];
    char secret[4200];
    snprintf(path, sizeof path, "%s/%s.key", out, argv[first]);
    snprintf(secret, sizeof secret, "%s_secret", path);
    if (access(path, F_OK) == 0 || access(secret, F_OK) == 0) {
        fprintf(stderr, "chiso: %s exists; a key is never overwritten\n", path);
        return CHISO_EXIT_FINDING;
    }
    bus_init();
    umask(077);
    zcert_t *cert = zcert_new();
    zcert_set_meta(cert, "name", "%s", argv[first]);
    int rc = zcert_save(cert, path);
    zcert_destroy(&cert);
    zsys_shutdown();
    if (rc != 0 || access(path, R_OK) != 0 || access(secret, R_OK) != 0) {
        fprintf(stderr, "chiso: cannot write %s\n", path);
        return CHISO_EXIT_FAILURE;
    }
    chmod(path, 0644);
    printf("%s\n%s\n", path, secret);
    return CHISO_EXIT_OK;
}

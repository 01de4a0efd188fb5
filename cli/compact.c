/* compact.c - chiso compact: gives free pages of a stopped service's store back to the disk. LMDB
 * never does by itself: what is freed is used again, and the file stays as large as it once was. */
#include "base/error.h"
#include "commands.h"
#include "options.h"
#include "store/copy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int command_compact(int argc, char **argv)
{
    const option_spec_t specs[] = {{0}};
    int first;
    if (options_read(argc, argv, specs, &first) != 0 || first == argc) {
        fprintf(stderr, "usage: chiso compact DIR...\n");
        return CHISO_EXIT_USAGE;
    }
    int code = CHISO_EXIT_OK;
    for (int i = first; i < argc; i++) {
        store_compacted_t sizes;
        char reason[256];
        int rc = store_compact(argv[i], &sizes, reason);
        if (rc == 0) {
            printf("%s/data.mdb: %" PRIu64 " bytes before, %" PRIu64 " after\n", argv[i],
                   sizes.before, sizes.after);
        } else if (rc == -EBUSY) {
            fprintf(stderr, "chiso: %s: is in use; stop its service, and any chiso that reads it\n",
                    argv[i]);
            code = CHISO_EXIT_FINDING;
        } else {
            fprintf(stderr, "chiso: %s\n", reason);
            code = CHISO_EXIT_STORE;
        }
    }
    return code;
}

/* landing.h - filling a data folder from outside: in a folder of its own within it, which no
 * service starts beside (STORE_UNFINISHED), and which it leaves when it is whole. */
#ifndef CHISO_CLI_LANDING_H
#define CHISO_CLI_LANDING_H

#include "tree.h"

/* Is `path` missing, or empty? Otherwise says what is wrong: 0 or -errno. */
int landing_check(const char *path);
/* Makes the folder to be filled; *fd is its descriptor, *work its name. 0 or -errno, told. */
int landing_begin(const char *path, char work[TREE_MAX_PATH], int *fd);
/* Everything durable, then archive/ and data.mdb move out of it, and it goes. 0 or -errno, told. */
int landing_end(const char *path, int fd);

#endif

/* board_rig.h - the description of the 766 board and the units, loaded once for a program's tests.
 */
#ifndef CHISO_TEST_BOARD_RIG_H
#define CHISO_TEST_BOARD_RIG_H

#include "folder.h"
#include "registry/registry.h"
#include "source/source.h"

#define FIXTURES TEST_ROOT "/tests/fixtures/dvc766/"

static source_t *board;
static registry_t *units;

static inline int open_all(void **state)
{
    (void)state;
    assert_int_equal(source_load(TEST_ROOT "/sources/dvc-766.yaml", stderr, &board), 0);
    assert_int_equal(registry_load(TEST_ROOT "/catalogs/units", stderr, &units), 0);
    return 0;
}

static inline int close_all(void **state)
{
    (void)state;
    source_destroy(&board);
    registry_destroy(&units);
    return 0;
}

#endif

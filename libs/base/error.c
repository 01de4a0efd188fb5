/* error.c - texts of the error codes. */
#include "base/error.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const own_texts[] = {
    "malformed input",
    "value out of range",
    "not found",
    "stored data is corrupt",
    "store is at its soft limit",
    "store failed",
    "larger than allowed",
    "peer broke the protocol",
    "journal position not available",
    "invalid configuration",
    "breaks a rule",
    "written in a newer format: install that version again",
};

const char *chiso_strerror(int code)
{
    static _Thread_local char text[96];
    if (code >= 0) {
        return "success";
    }
    if (code <= -1000) {
        size_t i = (size_t)(-1000 - code);
        return i < sizeof own_texts / sizeof own_texts[0] ? own_texts[i] : "unknown error";
    }
    /* the GNU strerror_r returns the text, and may not use the buffer */
    return strerror_r(-code, text, sizeof text);
}

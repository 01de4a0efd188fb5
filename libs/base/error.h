/* error.h - the one table of error codes.
 *
 * Functions that can fail return int: 0 or a positive count on success, a negative code on failure.
 * A code above -1000 is a negated errno; from -1000 down they are ours. Libraries do not log what
 * they return; the caller that decides logs it, once.
 */
#ifndef CHISO_BASE_ERROR_H
#define CHISO_BASE_ERROR_H

enum {
    CHISO_OK = 0,
    CHISO_E_SYNTAX = -1000, /* not of the form that was expected */
    CHISO_E_RANGE = -1001,  /* of the right form, but cannot be held */
    CHISO_E_NOT_FOUND = -1002,
    CHISO_E_CORRUPT = -1003,  /* a checksum, hash or invariant of stored data does not hold */
    CHISO_E_FULL = -1004,     /* the store's soft limit is reached; nothing was written */
    CHISO_E_STORE = -1005,    /* the store failed; the process must stop, not acknowledge */
    CHISO_E_TOO_BIG = -1006,  /* larger than the stated maximum */
    CHISO_E_PROTOCOL = -1007, /* a peer sent what it may not */
    CHISO_E_TRIMMED = -1008,  /* the journal no longer (or does not yet) hold that position */
    CHISO_E_CONFIG = -1009,   /* a configuration file is wrong; the reason was reported */
    CHISO_E_INVALID = -1010,  /* well formed, but breaks a rule; the reason was reported */
    CHISO_E_NEWER = -1011,    /* stored in a format of a later version */
};

/* What remote data drives ends in one of three ways. */
typedef enum {
    CHISO_ACCEPT,
    CHISO_RETRY, /* may go well later: keep, and try again */
    CHISO_REJECT /* will never go well: keep the bytes and the reason, go on */
} chiso_verdict_t;

/* Exit codes of every program; --help lists them. */
enum {
    CHISO_EXIT_OK = 0,
    CHISO_EXIT_FINDING = 1, /* it ran, and found something wrong in what it looked at */
    CHISO_EXIT_USAGE = 2,   /* wrong options or arguments */
    CHISO_EXIT_CONFIG = 3,  /* a configuration or catalog file is wrong */
    CHISO_EXIT_STORE = 4,   /* disk or store failed; safe to start again */
    CHISO_EXIT_FAILURE = 5  /* anything else */
};

/* A short English text for a code of either kind. Never NULL; valid for the thread until its next
 * call. */
const char *chiso_strerror(int code);

#endif

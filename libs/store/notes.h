/* notes.h - what a noted transaction writes, before it is carried out; within libs/store only. */
#ifndef CHISO_STORE_NOTES_H
#define CHISO_STORE_NOTES_H

#include "store/store.h"

typedef enum { NOTE_PUT, NOTE_APPEND, NOTE_DELETE, NOTE_DELETE_BELOW } note_kind_t;

typedef struct {
    note_kind_t kind;
    store_table_t table;
    bytes_t key, value;
} note_t;

/* Appends one; the buffer's failure is sticky. */
void notes_add(buffer_t *notes, const note_t *note);
/* The one at *at, which then stands behind it; false at the end. It lies in the buffer. */
bool notes_next(bytes_t notes, size_t *at, note_t *out);

#endif

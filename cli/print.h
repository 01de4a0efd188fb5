/* print.h - any message of ours as JSON, by its descriptor. */
#ifndef CHISO_CLI_PRINT_H
#define CHISO_CLI_PRINT_H

#include "json/json.h"

#include <protobuf-c/protobuf-c.h>

/* Bytes fields are printed as hex, those named `body` and `bytes` as text where they are clean. */
void print_message(jw_t *j, const ProtobufCMessage *message);

#endif

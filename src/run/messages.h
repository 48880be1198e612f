/* SPDX-License-Identifier: BSD-3-Clause */
/* Small messages that neither side waits for. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_MESSAGES_H
#define SEISPROC_SRC_RUN_MESSAGES_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>

#include "seisproc/status.h"

/* Buffers for messages on their way: n of them, each used again once its message has left. */
typedef struct sp_outbox sp_outbox;

/* Borrows comm. Errors: SP_ERR_MEMORY. */
sp_status sp_outbox_create(MPI_Comm comm, int tag, size_t n, size_t bytes, sp_outbox **out);

/* Waits until all have left. Takes NULL. */
void sp_outbox_destroy(sp_outbox *box);

/* Whether buffer i may be filled. */
bool sp_outbox_is_free(sp_outbox *box, size_t i);
void *sp_outbox_buffer(sp_outbox *box, size_t i);

/* Sends the first `bytes` of buffer i; returns at once. */
sp_status sp_outbox_send(sp_outbox *box, size_t i, size_t bytes, int rank);

/* Receives a message of at most `bytes` if one is there: *from is its sender, -1 when there is none. */
sp_status sp_message_poll(MPI_Comm comm, int source, int tag, void *buffer, size_t bytes, int *from);

#endif

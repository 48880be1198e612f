/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/messages.h"

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/stop.h"
#include "src/run/run_context.h"

struct sp_outbox {
  MPI_Comm comm;
  int tag;
  size_t n;
  size_t bytes; /* of a buffer: a message at most, and then so many that the next one is aligned */
  char *buffers;
  MPI_Request *requests;
};

sp_status sp_outbox_create(MPI_Comm comm, int tag, size_t n, size_t bytes, sp_outbox **out) {
  sp_status status;
  sp_outbox *box = NULL;
  SP_TRY(sp_calloc(1, sizeof *box, "an outbox", &box));
  box->comm = comm;
  box->tag = tag;
  box->n = n;
  box->bytes = sp_aligned(bytes);
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof(MPI_Request), "an outbox", &box->requests));
  for (size_t i = 0; i < n; i++) box->requests[i] = MPI_REQUEST_NULL;
  SP_TRY_GOTO(fail, sp_calloc(n, box->bytes, "an outbox", &box->buffers));
  *out = box;
  return SP_SUCCESS;
fail:
  sp_outbox_destroy(box);
  return status;
}

void sp_outbox_destroy(sp_outbox *box) {
  if (!box) return;
  for (size_t i = 0; box->requests && i < box->n; i++) {
    if (box->requests[i] != MPI_REQUEST_NULL) sp_quiet_wait(&box->requests[i]);
  }
  sp_free(box->requests);
  sp_free(box->buffers);
  sp_free(box);
}

bool sp_outbox_is_free(sp_outbox *box, size_t i) {
  int done = 1;
  MPI_Test(&box->requests[i], &done, MPI_STATUS_IGNORE); /* of a null request: done */
  return done;
}

void *sp_outbox_buffer(sp_outbox *box, size_t i) {
  return box->buffers + i * box->bytes;
}

sp_status sp_outbox_send(sp_outbox *box, size_t i, size_t bytes, int rank) {
  return SP_MPI(
      MPI_Isend(sp_outbox_buffer(box, i), sp_mpi_count(bytes), MPI_BYTE, rank, box->tag, box->comm, &box->requests[i]));
}

sp_status sp_message_poll(MPI_Comm comm, int source, int tag, void *buffer, size_t bytes, int *from) {
  MPI_Message message;
  MPI_Status state;
  int found = 0;
  *from = -1;
  SP_TRY(SP_MPI(MPI_Improbe(source, tag, comm, &found, &message, &state)));
  if (!found) return SP_SUCCESS;
  SP_TRY(SP_MPI(MPI_Mrecv(buffer, sp_mpi_count(bytes), MPI_BYTE, &message, &state)));
  *from = state.MPI_SOURCE;
  return SP_SUCCESS;
}

sp_status sp_pass_stop_on(sp_run_context *run) {
  if (run->stop_passed_on || !sp_stop_signal()) return SP_SUCCESS;
  run->stop_passed_on = sp_stop_signal();
  MPI_Request request; /* the message lives as long as the run, and rank 0 need not take it */
  SP_TRY(SP_MPI(MPI_Isend(&run->stop_passed_on, 1, MPI_INT, 0, SP_TAG_STOP, run->roles->world.comm, &request)));
  return SP_MPI(MPI_Request_free(&request));
}

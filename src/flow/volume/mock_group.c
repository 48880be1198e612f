/* SPDX-License-Identifier: BSD-3-Clause */
/* What NCCL asks of its callers and does not say is checked here, before a byte is moved: every member makes the same
 * calls in the same order, what one sends another receives with the same length, and no two members share a device. A
 * member that breaks a rule, or fails, ends the group for all. MPI is called by the thread that calls; the stream is
 * finished before. */
#include "src/flow/volume/mock_group.h"

#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/device/mock.h"

enum { PIECE = 1 << 30, SUM_VALUES = 1 << 16, TAG = 77 };

typedef struct group {
  MPI_Comm comm; /* borrowed */
  int rank, size;
  sp_mock_orders orders;
  uint64_t n_calls;
  bool ended;
} group;

/* What members tell each other before they exchange. */
typedef struct intention {
  uint64_t call, bytes, failed;
} intention;

static sp_status make_name(uint8_t id[SP_GROUP_ID_BYTES], char *why, size_t why_size) {
  memset(id, 0, SP_GROUP_ID_BYTES);
  snprintf((char *)id, SP_GROUP_ID_BYTES, "mock group %ld", (long)getpid());
  return SP_SUCCESS;
}

/* --- making -------------- */

typedef struct place {
  char host[64];
  uint8_t id[SP_GROUP_ID_BYTES];
  int device;
} place;

static sp_status check_places(const place *places, int size, char *why, size_t why_size) {
  for (int a = 0; a < size; a++) {
    if (memcmp(places[a].id, places[0].id, SP_GROUP_ID_BYTES)) {
      snprintf(why, why_size, "members were told different names");
      return SP_ERR_USAGE;
    }
    for (int b = 0; b < a; b++) {
      if (places[a].device != places[b].device || strcmp(places[a].host, places[b].host)) continue;
      snprintf(why, why_size, "members %d and %d share device %d of %s", b, a, places[a].device, places[a].host);
      return SP_ERR_USAGE;
    }
  }
  return SP_SUCCESS;
}

static sp_status meet(const group *g, const uint8_t id[SP_GROUP_ID_BYTES], int device, char *why, size_t why_size) {
  place own = {.device = device}, *places = NULL;
  gethostname(own.host, sizeof own.host - 1);
  memcpy(own.id, id, SP_GROUP_ID_BYTES);
  SP_ALIKE(sp_calloc_together(g->comm, (size_t)g->size, sizeof *places, "a group of devices", &places));
  SP_MPI_ALL(MPI_Allgather(&own, sizeof own, MPI_BYTE, places, sizeof own, MPI_BYTE, g->comm));
  const sp_status status = check_places(places, g->size, why, why_size);
  sp_free(places);
  return status;
}

static sp_status exchange_blocks(void *context, const void *send, const size_t *offset_to, const size_t *bytes_to,
                                 void *receive, const size_t *offset_from, const size_t *bytes_from, void *stream);

static sp_status create(const uint8_t id[SP_GROUP_ID_BYTES], int rank, int size, int device, const void *peers,
                        sp_block_exchange *out, char *why, size_t why_size) {
  group *g = NULL;
  MPI_Comm comm;
  memcpy(&comm, peers, sizeof comm);
  sp_status status = sp_calloc(1, sizeof *g, "a group of devices", &g);
  if (status == SP_SUCCESS) status = sp_mock_orders_read(&g->orders);
  status = sp_agree(comm, status);
  if (status == SP_SUCCESS) {
    g->comm = comm;
    g->rank = rank;
    g->size = size;
    status = meet(g, id, device, why, why_size);
  }
  if (status == SP_SUCCESS) {
    *out = (sp_block_exchange){g, rank, size, exchange_blocks};
  } else {
    sp_free(g);
  }
  return status;
}

static void destroy(sp_block_exchange *exchange) {
  sp_free(exchange->context);
  *exchange = (sp_block_exchange){0};
}

/* --- an exchange -------------- */

static void come_late(const group *g) {
  const uint64_t own = g->n_calls * (uint64_t)g->size + (uint64_t)g->rank;
  const double ms = g->orders.delay * sp_mock_chance(&g->orders, own);
  const struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
                                 .tv_nsec = (long)((ms - 1000 * (time_t)(ms / 1000)) * 1e6)};
  if (ms > 0) nanosleep(&pause, NULL);
}

/* What is wrong with what member r intends, or NULL. */
static const char *fault_of(const group *g, const intention *theirs, size_t bytes_from) {
  if (theirs->failed) return "has failed";
  if (theirs->call != g->n_calls) return "is at another exchange";
  return theirs->bytes != bytes_from ? "sends another length than is received" : NULL;
}

/* All members say what they are about to do; SP_ERR_DEVICE on all where these do not fit together. */
static sp_status compare_intentions(group *g, const size_t *bytes_to, const size_t *bytes_from, bool fails) {
  intention *own = NULL, *theirs = NULL;
  int bad = 0;
  sp_status status = sp_calloc((size_t)g->size, sizeof *own, "an exchange", &own);
  if (status == SP_SUCCESS) status = sp_calloc((size_t)g->size, sizeof *theirs, "an exchange", &theirs);
  status = sp_agree(g->comm, status);
  if (status == SP_SUCCESS) {
    for (int r = 0; r < g->size; r++) own[r] = (intention){g->n_calls, bytes_to[r], fails};
    SP_MPI_ALL(MPI_Alltoall(own, sizeof *own, MPI_BYTE, theirs, sizeof *own, MPI_BYTE, g->comm));
    for (int r = 0; r < g->size; r++) {
      const char *fault = fault_of(g, &theirs[r], bytes_from[r]);
      if (fault && !bad) {
        status = SP_RAISE(SP_ERR_DEVICE, "mock group: exchange %llu: member %d %s", (unsigned long long)g->n_calls, r,
                          fault);
      }
      bad |= fault != NULL;
    }
    SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, g->comm));
    if (bad) status = SP_ERR_DEVICE;
  }
  sp_free(own);
  sp_free(theirs);
  return status;
}

/* A sum is an exchange in which each member sends every share to the member that it belongs to. */
static sp_status reduce(sp_block_exchange *exchange, void *values, size_t value_bytes, const size_t *first) {
  group *g = exchange->context;
  size_t *to = NULL, *from = NULL;
  char *total = NULL; /* MPICH 4.0 does not survive MPI_IN_PLACE at a root other than rank 0 */
  if (g->ended) return SP_RAISE(SP_ERR_DEVICE, "mock group: it has ended with an error"); // alike
  g->n_calls++;
  come_late(g);
  sp_status status = sp_calloc((size_t)g->size, sizeof *to, "a sum", &to);
  if (status == SP_SUCCESS) status = sp_calloc((size_t)g->size, sizeof *from, "a sum", &from);
  if (status == SP_SUCCESS) status = sp_calloc(SUM_VALUES, value_bytes, "a sum", &total);
  status = sp_agree(g->comm, status);
  for (int r = 0; status == SP_SUCCESS && r < g->size; r++) {
    to[r] = (first[r + 1] - first[r]) * value_bytes;
    from[r] = (first[g->rank + 1] - first[g->rank]) * value_bytes;
  }
  const bool fails = g->rank == 0 && g->n_calls == (uint64_t)g->orders.fail_exchange;
  if (status == SP_SUCCESS) status = compare_intentions(g, to, from, fails);
  g->ended = status != SP_SUCCESS;
  for (int r = 0; status == SP_SUCCESS && r < g->size; r++) {
    const MPI_Datatype type = value_bytes == 8 ? MPI_INT64_T : MPI_UINT32_T;
    SP_EACH_PIECE (p, first[r], first[r + 1], SUM_VALUES) {
      char *share = (char *)values + p.first * value_bytes;
      SP_MPI_ALL(MPI_Reduce(share, total, (int)p.count, type, MPI_SUM, r, g->comm));
      if (r == g->rank) memcpy(share, total, p.count * value_bytes);
    }
  }
  sp_free(to);
  sp_free(from);
  sp_free(total);
  return status;
}

/* Sends and receives of a call are one group: all are begun before one is waited for. */
static sp_status move_blocks(const group *g, const char *send, const size_t *offset_to, const size_t *bytes_to,
                             char *receive, const size_t *offset_from, const size_t *bytes_from) {
  for (int step = 0; step < g->size; step++) {
    const int to = (g->rank + step) % g->size, from = (g->rank + g->size - step) % g->size;
    size_t sent = 0, received = 0;
    while (sent < bytes_to[to] || received < bytes_from[from]) {
      const size_t out = bytes_to[to] - sent < PIECE ? bytes_to[to] - sent : PIECE;
      const size_t in = bytes_from[from] - received < PIECE ? bytes_from[from] - received : PIECE;
      SP_MPI_ALL(MPI_Sendrecv(send + offset_to[to] + sent, (int)out, MPI_BYTE, to, TAG,
                              receive + offset_from[from] + received, (int)in, MPI_BYTE, from, TAG, g->comm,
                              MPI_STATUS_IGNORE));
      sent += out;
      received += in;
    }
  }
  return SP_SUCCESS;
}

static sp_status exchange_blocks(void *context, const void *send, const size_t *offset_to, const size_t *bytes_to,
                                 void *receive, const size_t *offset_from, const size_t *bytes_from, void *stream) {
  group *g = context;
  if (g->ended) return SP_RAISE(SP_ERR_DEVICE, "mock group: it has ended with an error");
  g->n_calls++;
  if (g->rank + 1 == g->size && g->n_calls == (uint64_t)g->orders.swap_exchange) return SP_SUCCESS;
  const bool fails = g->rank == 0 && g->n_calls == (uint64_t)g->orders.fail_exchange;
  const sp_status before = sp_mock_finish(stream);
  come_late(g);
  const sp_status status = compare_intentions(g, bytes_to, bytes_from, fails || before != SP_SUCCESS);
  g->ended = status != SP_SUCCESS;
  SP_TRY(status);
  return move_blocks(g, send, offset_to, bytes_to, receive, offset_from, bytes_from);
}

const sp_group_ops sp_mock_group = {make_name, create, reduce, destroy};

/* SPDX-License-Identifier: BSD-3-Clause */
/* NCCL by its stable C interface, declared here as far as it is used, so that nothing of it is needed to build. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/device/group.h"
}

/* nccl.h, 2.7 and later: ncclResult_t 0 is success, 7 is under way; ncclDataType_t 0 is int8, 3 uint32, 4 int64;
 * ncclRedOp_t 0 is the sum. */
typedef struct {
  char internal[SP_GROUP_ID_BYTES];
} nccl_id;
typedef void *nccl_comm;
enum { NCCL_SUCCESS = 0, NCCL_IN_PROGRESS = 7, NCCL_INT8 = 0, NCCL_UINT32 = 3, NCCL_INT64 = 4, NCCL_SUM = 0 };

struct nccl {
  int (*get_unique_id)(nccl_id *);
  int (*comm_init_rank)(nccl_comm *, int, nccl_id, int);
  int (*comm_destroy)(nccl_comm);
  int (*comm_abort)(nccl_comm);
  int (*comm_async_error)(nccl_comm, int *);
  int (*group_start)(void);
  int (*group_end)(void);
  int (*send)(const void *, size_t, int, int, nccl_comm, cudaStream_t);
  int (*recv)(void *, size_t, int, int, nccl_comm, cudaStream_t);
  int (*reduce)(const void *, void *, size_t, int, int, int, nccl_comm, cudaStream_t);
  const char *(*error_string)(int);
};

struct group {
  nccl calls;
  nccl_comm comm; /* NULL: it was aborted */
  int rank, size;
};

template <typename F> static bool look_up(void *library, const char *name, F *out, char *why, size_t why_size) {
  *out = (F)dlsym(library, name);
  if (!*out) snprintf(why, why_size, "NCCL has no %s", name);
  return *out != NULL;
}

static sp_status load(nccl *n, char *why, size_t why_size) {
  const char *named = getenv("SEISPROC_NCCL");
  void *library = dlopen(named ? named : "libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    snprintf(why, why_size, "there is no NCCL beside CUDA: %s", dlerror());
    return SP_ERR_USAGE;
  }
  const bool all = look_up(library, "ncclGetUniqueId", &n->get_unique_id, why, why_size) &&
                   look_up(library, "ncclCommInitRank", &n->comm_init_rank, why, why_size) &&
                   look_up(library, "ncclCommDestroy", &n->comm_destroy, why, why_size) &&
                   look_up(library, "ncclCommAbort", &n->comm_abort, why, why_size) &&
                   look_up(library, "ncclCommGetAsyncError", &n->comm_async_error, why, why_size) &&
                   look_up(library, "ncclGroupStart", &n->group_start, why, why_size) &&
                   look_up(library, "ncclGroupEnd", &n->group_end, why, why_size) &&
                   look_up(library, "ncclSend", &n->send, why, why_size) &&
                   look_up(library, "ncclRecv", &n->recv, why, why_size) &&
                   look_up(library, "ncclReduce", &n->reduce, why, why_size) &&
                   look_up(library, "ncclGetErrorString", &n->error_string, why, why_size);
  return all ? SP_SUCCESS : SP_ERR_USAGE;
}

static sp_status make_name(uint8_t id[SP_GROUP_ID_BYTES], char *why, size_t why_size) {
  nccl n;
  nccl_id made;
  SP_TRY(load(&n, why, why_size));
  const int code = n.get_unique_id(&made);
  if (code != NCCL_SUCCESS) {
    snprintf(why, why_size, "ncclGetUniqueId: %s", n.error_string(code));
    return SP_ERR_USAGE;
  }
  memcpy(id, made.internal, SP_GROUP_ID_BYTES);
  return SP_SUCCESS;
}

/* Ends the group after an error: members that wait in it are let go. */
static sp_status give_up(group *g, const char *call, int code) {
  sp_status status = SP_RAISE(SP_ERR_DEVICE, "%s: %s", call, g->calls.error_string(code));
  if (g->comm) g->calls.comm_abort(g->comm);
  g->comm = NULL;
  return status;
}

/* Whether the group still works. */
static sp_status look_at_group(group *g) {
  int later = NCCL_SUCCESS;
  if (!g->comm) return SP_RAISE(SP_ERR_DEVICE, "NCCL: the group has ended with an error");
  int code = g->calls.comm_async_error(g->comm, &later);
  if (code == NCCL_SUCCESS && later != NCCL_SUCCESS && later != NCCL_IN_PROGRESS) code = later;
  return code == NCCL_SUCCESS ? SP_SUCCESS : give_up(g, "NCCL, of an earlier call", code);
}

static sp_status reduce(sp_block_exchange *exchange, void *values, size_t value_bytes, const size_t *first) {
  group *g = (group *)exchange->context;
  const int type = value_bytes == 8 ? NCCL_INT64 : NCCL_UINT32;
  SP_TRY(look_at_group(g));
  int code = g->calls.group_start();
  for (int r = 0; r < g->size && code == NCCL_SUCCESS; r++) {
    char *share = (char *)values + first[r] * value_bytes;
    const size_t n = first[r + 1] - first[r];
    if (n) code = g->calls.reduce(share, share, n, type, NCCL_SUM, r, g->comm, (cudaStream_t)0);
  }
  const int end = g->calls.group_end();
  if (code == NCCL_SUCCESS) code = end;
  if (code != NCCL_SUCCESS) return give_up(g, "ncclReduce", code);
  SP_TRY(SP_CUDA(cudaStreamSynchronize((cudaStream_t)0)));
  return look_at_group(g);
}

static sp_status all_to_all(void *context, const void *send, const size_t *offset_to, const size_t *bytes_to,
                            void *receive, const size_t *offset_from, const size_t *bytes_from, void *stream) {
  group *g = (group *)context;
  SP_TRY(look_at_group(g));
  const cudaStream_t s = (cudaStream_t)stream;
  int code = g->calls.group_start();
  for (int r = 0; r < g->size && code == NCCL_SUCCESS; r++) {
    if (bytes_to[r]) code = g->calls.send((const char *)send + offset_to[r], bytes_to[r], NCCL_INT8, r, g->comm, s);
    if (code == NCCL_SUCCESS && bytes_from[r]) {
      code = g->calls.recv((char *)receive + offset_from[r], bytes_from[r], NCCL_INT8, r, g->comm, s);
    }
  }
  const int end = g->calls.group_end();
  if (code == NCCL_SUCCESS) code = end;
  return code == NCCL_SUCCESS ? SP_SUCCESS : give_up(g, "NCCL exchange", code);
}

static sp_status create(const uint8_t id[SP_GROUP_ID_BYTES], int rank, int size, int device, const void *,
                        sp_block_exchange *out, char *why, size_t why_size) {
  void *block;
  nccl_id name;
  SP_TRY(sp_calloc(1, sizeof(group), "a group of GPUs", &block));
  group *g = (group *)block;
  g->rank = rank;
  g->size = size;
  memcpy(name.internal, id, SP_GROUP_ID_BYTES);
  sp_status status = SP_CUDA(cudaSetDevice(device));
  if (status == SP_SUCCESS) status = load(&g->calls, why, why_size);
  if (status == SP_SUCCESS) {
    const int code = g->calls.comm_init_rank(&g->comm, size, name, rank);
    if (code != NCCL_SUCCESS) {
      snprintf(why, why_size, "ncclCommInitRank: %s", g->calls.error_string(code));
      status = SP_ERR_USAGE;
    }
  }
  if (status != SP_SUCCESS) {
    sp_free(g);
    return status;
  }
  *out = sp_block_exchange{g, rank, size, all_to_all};
  return SP_SUCCESS;
}

static void destroy(sp_block_exchange *exchange) {
  group *g = (group *)exchange->context;
  if (g && g->comm) g->calls.comm_destroy(g->comm);
  sp_free(g);
  *exchange = sp_block_exchange{};
}

extern "C" const sp_group_ops sp_cuda_group = {make_name, create, reduce, destroy};

/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that includes this has an allocator of its own, the library's with its fault switch in it and with a count
 * of what was not given back; and MPI's calls that make and free communicators and windows are counted.
 *
 *   check_allocations(maker, owner)   makes an object on all ranks, over and over: each time the next allocation of one
 *                                     of them fails, until there is none left to fail, and so for each rank. All ranks
 *                                     must come to the same error, leave nothing behind, and still reach each other. */
#ifndef SEISPROC_TESTS_DIST_FAILING_ALLOCATIONS_H
#define SEISPROC_TESTS_DIST_FAILING_ALLOCATIONS_H

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "seisproc/dist.h"

static atomic_int blocks_in_use;
static int mpi_objects;

static int counted_memalign(void **block, size_t alignment, size_t bytes) {
  const int code = posix_memalign(block, alignment, bytes);
  blocks_in_use += code == 0;
  return code;
}

static void counted_free(void *block) {
  blocks_in_use -= block != NULL;
  free(block);
}

#define SP_FAULTS
#include "src/base/fault.c"
#define posix_memalign counted_memalign
#define free           counted_free
#include "src/base/memory.c"
#undef posix_memalign
#undef free

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm *out) {
  mpi_objects++;
  return PMPI_Comm_dup(comm, out);
}

int MPI_Comm_split(MPI_Comm comm, int color, int key, MPI_Comm *out) {
  mpi_objects += color != MPI_UNDEFINED;
  return PMPI_Comm_split(comm, color, key, out);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out) {
  mpi_objects++;
  return PMPI_Comm_split_type(comm, type, key, info, out);
}

int MPI_Comm_free(MPI_Comm *comm) {
  mpi_objects--;
  return PMPI_Comm_free(comm);
}

/* On this rank the next window fails, as where a node's shared memory is at its end. */
static bool window_fails;

int MPI_Win_allocate_shared(MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *win) {
  const int code = PMPI_Win_allocate_shared(size, unit, info, comm, base, win);
  if (window_fails) {
    *win = MPI_WIN_NULL;
    return MPI_ERR_NO_MEM;
  }
  mpi_objects++;
  return code;
}

int MPI_Win_free(MPI_Win *win) {
  mpi_objects--;
  return PMPI_Win_free(win);
}

/* The n-th allocation from now on fails; 0: none. */
static void fail_allocation(unsigned n) {
  char text[32];
  counts[0] = 0;
  snprintf(text, sizeof text, "allocation:%u", n);
  if (n) {
    setenv("SEISPROC_FAULT", text, 1);
  } else {
    unsetenv("SEISPROC_FAULT");
  }
}

/* Whether it has come to that; the same on all ranks, as one of them is meant. */
static bool allocation_failed(unsigned n) {
  int failed = n && counts[0] >= n;
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return failed;
}

static void assert_alike(int value) {
  int least, most;
  MPI_Allreduce(&value, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  MPI_Allreduce(&value, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  assert_int_equal(least, most);
}

/* What is made and given back, on all ranks of MPI_COMM_WORLD. `without_faults` is what it comes to by itself;
 * `does_without`: and, where it can do without some memory, then too. */
typedef struct maker {
  sp_status (*make)(void *context, void **out);
  void (*destroy)(void *object);
  void *context;
  sp_status without_faults;
  bool does_without;
} maker;

/* Whether the n-th allocation of rank `victim` was reached. */
static bool check_allocation(const maker *m, int victim, unsigned n) {
  const int blocks = blocks_in_use, objects = mpi_objects;
  void *object = NULL;
  fail_allocation(sp_ranks_of(MPI_COMM_WORLD).rank == victim ? n : 0);
  const sp_status status = m->make(m->context, &object);
  const bool failed = allocation_failed(sp_ranks_of(MPI_COMM_WORLD).rank == victim ? n : 0);
  fail_allocation(0);
  assert_alike((int)status);
  if (!m->does_without || status != SP_SUCCESS) {
    assert_int_equal(status, failed ? SP_ERR_MEMORY : m->without_faults);
  }
  if (status == SP_SUCCESS) {
    assert_non_null(object);
    m->destroy(object);
  } else {
    assert_null(object);
  }
  assert_int_equal(blocks_in_use, blocks);
  assert_int_equal(mpi_objects, objects);
  return failed;
}

/* `least`: as many allocations as there are at the least on the rank that has most. */
static inline void check_allocations(const maker *m, unsigned least) {
  unsigned most = 0;
  for (int victim = 0; victim < sp_ranks_of(MPI_COMM_WORLD).size; victim++) {
    unsigned n = 1;
    while (check_allocation(m, victim, n)) n++;
    most = n - 1 > most ? n - 1 : most;
  }
  assert_true(most >= least);
}

#endif

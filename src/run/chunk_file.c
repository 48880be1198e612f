/* SPDX-License-Identifier: BSD-3-Clause */
/* Several I/O ranks share the file's end: a number in the memory of the first of them, to which each adds what a slot
 * takes (MPI_Fetch_and_op). So ranges never overlap and leave no gaps between them. */
#include "src/run/chunk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/ranks.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/base/file_bytes.h"

struct sp_chunk_file {
  const char *path; /* borrowed */
  int fd;
  MPI_Win win;   /* MPI_WIN_NULL: there is one I/O rank */
  uint64_t *end; /* in the window's memory, of the first I/O rank */
  uint64_t own;  /* without a window */
};

static sp_status failed(const char *path, const char *what, int error) {
  return SP_RAISE(sp_file_status(error), "%s: cannot be %s: %s", path, what, sp_side_error(error));
}

sp_status sp_chunk_file_create(const char *path) {
  const int fd = sp_side_create(path);
  if (fd < 0) return failed(path, "created", errno);
  close(fd);
  return sp_sync_entry(path);
}

sp_status sp_chunk_file_cut(const char *path, uint64_t end) {
  struct stat file;
  sp_status status = SP_SUCCESS;
  const int fd = sp_side_open(path, O_RDWR);
  if (fd < 0) return failed(path, "opened", errno);
  if (fstat(fd, &file)) {
    status = failed(path, "opened", errno);
  } else if ((uint64_t)file.st_size < end) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: has %llu bytes, %llu are in the journal; --restart starts over", path,
                      (unsigned long long)file.st_size, (unsigned long long)end);
  } else if (ftruncate(fd, (off_t)end)) {
    status = failed(path, "cut", errno);
  }
  close(fd);
  return status;
}

/* A window on the first of them, which all may add to from now on. */
static sp_status make_end(const sp_ranks *ranks, uint64_t end, sp_chunk_file *f) {
  const MPI_Aint bytes = ranks->rank == 0 ? (MPI_Aint)sizeof end : 0;
  f->own = end;
  if (ranks->size == 1) return SP_SUCCESS; /* alike */
  SP_MPI_ALL(MPI_Win_allocate(bytes, sizeof end, MPI_INFO_NULL, ranks->comm, &f->end, &f->win));
  sp_status status = SP_MPI(MPI_Win_lock_all(0, f->win));
  if (status == SP_SUCCESS && ranks->rank == 0) *f->end = end;
  if (status == SP_SUCCESS) status = SP_MPI(MPI_Win_sync(f->win));
  return sp_ranks_agree(ranks, status);
}

sp_status sp_chunk_file_open(MPI_Comm comm, const char *path, uint64_t end, sp_chunk_file **out) {
  sp_chunk_file *f = NULL;
  const sp_ranks ranks = sp_ranks_of(comm);
  SP_AGREE(comm, sp_calloc(1, sizeof *f, "a file of chunks", &f));
  f->path = path;
  f->win = MPI_WIN_NULL;
  f->fd = sp_side_open(path, O_WRONLY);
  sp_status status = f->fd < 0 ? failed(path, "opened", errno) : SP_SUCCESS;
  status = sp_agree(comm, status);
  if (status == SP_SUCCESS) status = make_end(&ranks, end, f);
  if (status == SP_SUCCESS) {
    *out = f;
  } else {
    sp_chunk_file_close(f);
  }
  return status;
}

void sp_chunk_file_close(sp_chunk_file *f) {
  if (!f) return;
  if (f->win != MPI_WIN_NULL) {
    MPI_Win_unlock_all(f->win);
    MPI_Win_free(&f->win);
  }
  if (f->fd >= 0) close(f->fd);
  sp_free(f);
}

/* So many bytes of the file are this rank's, from *at on. */
static sp_status reserve(sp_chunk_file *f, uint64_t bytes, uint64_t *at) {
  if (f->win == MPI_WIN_NULL) {
    *at = f->own;
    f->own += bytes;
    return SP_SUCCESS;
  }
  SP_TRY(SP_MPI(MPI_Fetch_and_op(&bytes, at, MPI_UINT64_T, 0, 0, MPI_SUM, f->win)));
  return SP_MPI(MPI_Win_flush(0, f->win));
}

sp_status sp_chunk_file_write(sp_chunk_file *f, const sp_node_window *window, sp_slot *slot) {
  sp_chunk *chunks = sp_slot_chunks(window, slot);
  uint64_t bytes = 0, at = 0;
  for (uint32_t i = 0; i < slot->n_chunks; i++) bytes += chunks[i].bytes;
  if (bytes) SP_TRY(reserve(f, bytes, &at));
  for (uint32_t i = 0; i < slot->n_chunks; i++) {
    sp_chunk *c = &chunks[i];
    const char *from = (const char *)sp_slot_rows(window, slot, (int)c->plane) + c->at;
    const int error = sp_write_all_at(f->fd, from, c->bytes, at);
    if (error) return SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", f->path, strerror(error));
    SP_FAULT_POINT("chunk_written");
    c->at = at;
    at += c->bytes;
  }
  return SP_SUCCESS;
}

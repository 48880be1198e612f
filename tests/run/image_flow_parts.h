/* SPDX-License-Identifier: BSD-3-Clause */
/* What rank 0 and the workers of the image flow for tests share: figures, and snapshots of the image. */
#ifndef SEISPROC_TESTS_RUN_IMAGE_FLOW_PARTS_H
#define SEISPROC_TESTS_RUN_IMAGE_FLOW_PARTS_H

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "seisproc/crc32c.h"
#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "src/flow/flow.h"

enum { N_CLASSES = 3, N_POINTS = 11, BATCH_TRACES = 24 /* of all classes */, MAX_BATCHES = 4096 };

typedef struct image_figures {
  uint32_t reason, n_added, crc;
} image_figures;

static const sp_figure image_figure[] = {
    {"reason", SP_FIGURE_UINT32, SP_JOIN_MAX, offsetof(image_figures, reason), sizeof(uint32_t)},
    {"n_added", SP_FIGURE_UINT32, SP_JOIN_SUM, offsetof(image_figures, n_added), sizeof(uint32_t)},
    {"crc", SP_FIGURE_UINT32, SP_JOIN_SUM, offsetof(image_figures, crc), sizeof(uint32_t)},
};
static const sp_figure_list image_figure_list = {image_figure, 3, sizeof(image_figures)};

typedef struct image_shared {
  uint32_t n_batches;
} image_shared;

/* --- snapshots ------------------------------------------------------------------------------------------------- */

typedef struct snapshot_head {
  uint32_t number, class, crc; /* of what follows */
  uint8_t added[MAX_BATCHES];
} snapshot_head;

static void snapshot_path(const char *part_path, uint32_t number, char path[512]) {
  snprintf(path, 512, "%s.snapshot%u", part_path, number % 2);
}

static sp_status write_snapshot(const char *part_path, const snapshot_head *head, const int64_t *image, size_t bytes) {
  char path[512];
  snapshot_head sealed = *head;
  sealed.crc = sp_crc32c(sp_crc32c(0, head->added, sizeof head->added), image, bytes);
  snapshot_path(part_path, head->number, path);
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const bool good = fd >= 0 && write(fd, &sealed, sizeof sealed) == (ssize_t)sizeof sealed &&
                    write(fd, image, bytes) == (ssize_t)bytes && !fsync(fd);
  if (fd >= 0) close(fd);
  return good ? SP_SUCCESS : SP_RAISE(SP_ERR_IO, "%s: cannot be written", path);
}

/* The newest whole snapshot; false where there is none. image[bytes] may be NULL. */
static bool read_snapshot(const char *part_path, size_t bytes, snapshot_head *head, int64_t *image) {
  bool found = false;
  for (uint32_t i = 0; i < 2; i++) {
    char path[512];
    snapshot_head h;
    snapshot_path(part_path, i, path);
    int64_t *data = malloc(bytes);
    const int fd = open(path, O_RDONLY);
    const bool whole = fd >= 0 && read(fd, &h, sizeof h) == (ssize_t)sizeof h &&
                       read(fd, data, bytes) == (ssize_t)bytes &&
                       h.crc == sp_crc32c(sp_crc32c(0, h.added, sizeof h.added), data, bytes);
    if (fd >= 0) close(fd);
    if (whole && (!found || h.number > head->number)) {
      found = true;
      *head = h;
      if (image) memcpy(image, data, bytes);
    }
    free(data);
  }
  return found;
}

static size_t image_bytes(const sp_flow_plan *plan) {
  return (size_t)N_POINTS * plan->shape.n_samples * sizeof(int64_t);
}

static uint32_t n_batches(const sp_flow_plan *plan) {
  return ((const image_shared *)plan->shared)->n_batches;
}

static uint64_t units_a_class(const sp_flow_plan *plan) {
  return n_batches(plan) + N_POINTS;
}

static bool adds(uint32_t phase) {
  return phase % 2 == 0;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* A device that computes beside the CPU: its memory, its streams, its events. One table a kind of device: CUDA
 * (cuda/device.cu, in the module for GPUs) and the mock (mock.h). What the three flows queue on it is their own.
 *
 * Work is queued on streams and done in their order; between streams events keep the order, as they do in CUDA: an
 * event stands for what was queued before its last sp_device_ops.record, and is over where it was never recorded. Every
 * call but `wait`, `quiesce` and what makes or frees returns at once. A thread says `bind` before its first call. Once
 * the device has failed every call fails.
 *
 * Errors: SP_ERR_DEVICE, logged with the call; SP_ERR_MEMORY without a line where memory of the device, or memory that
 * it can reach, is short.
 */
#ifndef SEISPROC_SRC_DEVICE_DEVICE_H
#define SEISPROC_SRC_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/status.h"

typedef struct sp_device {
  const struct sp_device_ops *ops;
  int number;
} sp_device;

typedef void *sp_stream;
typedef void *sp_event;

typedef enum sp_direction { SP_TO_DEVICE, SP_TO_HOST, SP_WITHIN_DEVICE } sp_direction;

typedef struct sp_device_ops {
  const char *name; /* "cuda", "mock" */
  /* The caller owns *out. */
  sp_status (*open)(int number, sp_device **out);
  /* What was made on it has been freed. Takes NULL. */
  void (*close)(sp_device *device);
  sp_status (*bind)(sp_device *device);
  /* Until nothing of what was queued touches memory any more, also on a device that has failed; what waits for a time
   * or for ever is let go. */
  void (*quiesce)(sp_device *device);

  /* Memory of the device; memory of the host that the device copies from and to by itself. Freeing takes NULL. */
  sp_status (*free_bytes)(sp_device *device, size_t *out);
  sp_status (*alloc)(sp_device *device, size_t bytes, void **out);
  void (*release)(sp_device *device, void *memory);
  sp_status (*alloc_pinned)(sp_device *device, size_t bytes, void **out);
  void (*release_pinned)(sp_device *device, void *memory);
  /* Makes memory of the host into such; NULL, or why that is not possible. */
  const char *(*pin)(sp_device *device, void *memory, size_t bytes);
  void (*unpin)(sp_device *device, void *memory);

  /* Destroying takes NULL. `timed`: for `elapsed`; else the host may sleep in `wait`. */
  sp_status (*create_stream)(sp_device *device, sp_stream *out);
  void (*destroy_stream)(sp_device *device, sp_stream stream);
  sp_status (*create_event)(sp_device *device, bool timed, sp_event *out);
  void (*destroy_event)(sp_device *device, sp_event event);

  sp_status (*copy)(sp_stream stream, void *to, const void *from, size_t bytes, sp_direction direction);
  sp_status (*clear)(sp_stream stream, void *memory, size_t bytes);
  sp_status (*record)(sp_event event, sp_stream stream);
  /* What is queued on the stream from now on waits for the event. */
  sp_status (*after)(sp_stream stream, sp_event event);
  /* function(argument), on a thread of the device's, once what was queued before is done; it calls nothing of the
   * device. A device that fails may never call it. */
  sp_status (*call)(sp_stream stream, void (*function)(void *argument), void *argument);
  sp_status (*query)(sp_event event, bool *over);
  sp_status (*wait)(sp_event event);
  sp_status (*elapsed)(sp_event from, sp_event to, double *seconds);

  /* What only a mock does; NULL elsewhere. `deliver` is queued before results leave the device: these come late, fail
   * or are lost as was ordered. `spoil` fills memory that must not be looked at now. */
  sp_status (*deliver)(sp_stream stream);
  void (*spoil)(void *memory, size_t bytes);
} sp_device_ops;

#endif

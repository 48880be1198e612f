/* SPDX-License-Identifier: BSD-3-Clause */
/* A device by the CUDA runtime. Streams and events are CUDA's own, as pointers. */
#include <stdio.h>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/device/device.h"
}

static cudaStream_t stream_of(sp_stream stream) {
  return (cudaStream_t)stream;
}

static cudaEvent_t event_of(sp_event event) {
  return (cudaEvent_t)event;
}

static sp_status bind(sp_device *device) {
  return SP_CUDA(cudaSetDevice(device->number));
}

extern "C" const sp_device_ops sp_cuda_device;

static void log_name(int number) {
  struct cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, number) != cudaSuccess) return;
  sp_debug("gpu: device=%d name=\"%s\"", number, properties.name);
}

static sp_status open(int number, sp_device **out) {
  void *block = NULL;
  SP_TRY(sp_calloc(1, sizeof(sp_device), "a GPU", &block));
  sp_device *device = (sp_device *)block;
  device->ops = &sp_cuda_device;
  device->number = number;
  const sp_status status = bind(device);
  if (status == SP_SUCCESS) {
    log_name(number);
    *out = device;
  } else {
    sp_free(device);
  }
  return status;
}

static void close(sp_device *device) {
  sp_free(device);
}

static void quiesce(sp_device *device) {
  cudaSetDevice(device->number);
  cudaDeviceSynchronize();
  cudaGetLastError();
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static sp_status free_bytes(sp_device *, size_t *out) {
  size_t total;
  return SP_CUDA(cudaMemGetInfo(out, &total));
}

static sp_status alloc(sp_device *, size_t bytes, void **out) {
  void *block = NULL;
  SP_TRY(SP_CUDA(cudaMalloc(&block, bytes)));
  *out = block;
  return SP_SUCCESS;
}

static void release(sp_device *, void *memory) {
  cudaFree(memory);
}

static sp_status alloc_pinned(sp_device *, size_t bytes, void **out) {
  void *block = NULL;
  SP_TRY(SP_CUDA(cudaHostAlloc(&block, bytes, cudaHostAllocDefault)));
  *out = block;
  return SP_SUCCESS;
}

static void release_pinned(sp_device *, void *memory) {
  cudaFreeHost(memory);
}

static const char *pin(sp_device *device, void *memory, size_t bytes) {
  cudaSetDevice(device->number);
  const cudaError_t code = cudaHostRegister(memory, bytes, cudaHostRegisterDefault);
  cudaGetLastError();
  return code == cudaSuccess ? NULL : cudaGetErrorString(code);
}

static void unpin(sp_device *, void *memory) {
  cudaHostUnregister(memory);
  cudaGetLastError();
}

/* --- streams and events ------------------------------------------------------------------------------------------ */

static sp_status create_stream(sp_device *, sp_stream *out) {
  cudaStream_t stream;
  SP_TRY(SP_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking)));
  *out = stream;
  return SP_SUCCESS;
}

static void destroy_stream(sp_device *, sp_stream stream) {
  if (stream) cudaStreamDestroy(stream_of(stream));
  cudaGetLastError();
}

static sp_status create_event(sp_device *, bool timed, sp_event *out) {
  cudaEvent_t event;
  const unsigned flags = timed ? cudaEventDefault : cudaEventBlockingSync | cudaEventDisableTiming;
  SP_TRY(SP_CUDA(cudaEventCreateWithFlags(&event, flags)));
  *out = event;
  return SP_SUCCESS;
}

static void destroy_event(sp_device *, sp_event event) {
  if (event) cudaEventDestroy(event_of(event));
  cudaGetLastError();
}

static sp_status copy(sp_stream stream, void *to, const void *from, size_t bytes, sp_direction direction) {
  const cudaMemcpyKind kind = direction == SP_TO_DEVICE ? cudaMemcpyHostToDevice
                              : direction == SP_TO_HOST ? cudaMemcpyDeviceToHost
                                                        : cudaMemcpyDeviceToDevice;
  return bytes ? SP_CUDA(cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream))) : SP_SUCCESS;
}

static sp_status clear(sp_stream stream, void *memory, size_t bytes) {
  return SP_CUDA(cudaMemsetAsync(memory, 0, bytes, stream_of(stream)));
}

static sp_status record(sp_event event, sp_stream stream) {
  return SP_CUDA(cudaEventRecord(event_of(event), stream_of(stream)));
}

static sp_status after(sp_stream stream, sp_event event) {
  return SP_CUDA(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
}

static sp_status call(sp_stream stream, void (*function)(void *argument), void *argument) {
  return SP_CUDA(cudaLaunchHostFunc(stream_of(stream), function, argument));
}

static sp_status query(sp_event event, bool *over) {
  const cudaError_t code = cudaEventQuery(event_of(event));
  *over = code == cudaSuccess;
  return code == cudaErrorNotReady ? SP_SUCCESS : sp_cuda_check(code, "work on the GPU", __FILE__, __LINE__);
}

static sp_status wait(sp_event event) {
  return sp_cuda_check(cudaEventSynchronize(event_of(event)), "work on the GPU", __FILE__, __LINE__);
}

static sp_status elapsed(sp_event from, sp_event to, double *seconds) {
  float ms = 0;
  SP_TRY(SP_CUDA(cudaEventElapsedTime(&ms, event_of(from), event_of(to))));
  *seconds = 1e-3 * ms;
  return SP_SUCCESS;
}

/* In the order of the table. */
extern "C" const sp_device_ops sp_cuda_device = {
    "cuda",         open,  close, bind,          quiesce,        free_bytes,   alloc,         release, alloc_pinned,
    release_pinned, pin,   unpin, create_stream, destroy_stream, create_event, destroy_event, copy,    clear,
    record,         after, call,  query,         wait,           elapsed,      NULL,          NULL};

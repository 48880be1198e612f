/* SPDX-License-Identifier: BSD-3-Clause */
/* The mock device: host memory that behaves like a device, so that what queues work on one is tested where there is
 * none.
 *
 *   - Each stream is a thread that does what was queued in its order, and nothing else: who forgets an event sees it.
 *   - Memory of the device is filled with NaN before it is used.
 *   - Results come late, and calls fail, as the environment variable SEISPROC_MOCK says. It holds key=value pairs,
 *     separated by commas, of the table in mock_orders.c; "SEISPROC_MOCK=" alone makes a mock that never fails. Where
 * it is set, the engine kind AUTO is the mock.
 *   - Deliveries are counted over the device: whatever leaves it, whichever flow it belongs to.
 * After a failure the device is gone: every call fails, silently but for the first.
 */
#ifndef SEISPROC_SRC_DEVICE_MOCK_H
#define SEISPROC_SRC_DEVICE_MOCK_H

#include <stddef.h>
#include <stdint.h>

#include "src/device/device.h"

/* What SEISPROC_MOCK orders. */
typedef struct sp_mock_orders {
  double delay, take; /* ms */
  int hiccup, seed, fail_create, fail_submit, fail_wait, lose, flip;
  int fail_exchange, swap_exchange; /* of groups */
  int devices;
  int small; /* no room for sums to be set aside */
  int lacks; /* steps without a kernel, as bits */
} sp_mock_orders;

/* Errors: SP_ERR_USAGE, one line. */
sp_status sp_mock_orders_read(sp_mock_orders *out);

/* From 0 to 1, of the seed and a number. */
double sp_mock_chance(const sp_mock_orders *orders, uint64_t number);

/* How long the delivery of this number takes. */
double sp_mock_seconds(const sp_mock_orders *orders, uint64_t number);

extern const sp_device_ops sp_mock_device;

/* Queues function(argument) on a stream of a mock device: its kernels. */
sp_status sp_mock_launch(sp_stream stream, void (*function)(void *argument), const void *argument, size_t bytes);

/* Until all that was queued on the stream is done. Errors: SP_ERR_DEVICE. */
sp_status sp_mock_finish(sp_stream stream);

/* What the device was told. */
const sp_mock_orders *sp_mock_orders_of(const sp_device *device);

#endif

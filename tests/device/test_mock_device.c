/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams, events and orders of the mock device: what CUDA promises of its own, and what it is told to get wrong. */
/* timeout: 30 */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "src/device/mock.h"

enum { N = 1000 };

static const sp_device_ops *const d = &sp_mock_device;

typedef struct rig {
  sp_device *device;
  sp_stream a, b;
  sp_event event;
  int *memory; /* the device's, [N] */
} rig;

static rig make_rig(const char *orders) {
  rig r = {0};
  void *block;
  setenv("SEISPROC_MOCK", orders, 1);
  assert_int_equal(d->open(0, &r.device), SP_SUCCESS);
  unsetenv("SEISPROC_MOCK");
  assert_int_equal(d->create_stream(r.device, &r.a), SP_SUCCESS);
  assert_int_equal(d->create_stream(r.device, &r.b), SP_SUCCESS);
  assert_int_equal(d->create_event(r.device, false, &r.event), SP_SUCCESS);
  assert_int_equal(d->alloc(r.device, N * sizeof(int), &block), SP_SUCCESS);
  r.memory = block;
  return r;
}

static void drop_rig(rig *r) {
  d->quiesce(r->device);
  d->destroy_stream(r->device, r->a);
  d->destroy_stream(r->device, r->b);
  d->destroy_event(r->device, r->event);
  d->release(r->device, r->memory);
  d->close(r->device);
}

typedef struct addition {
  int *at, plus;
  long pause_us;
} addition;

static void add(void *argument) {
  const addition *a = argument;
  const struct timespec pause = {.tv_nsec = a->pause_us * 1000};
  nanosleep(&pause, NULL);
  *a->at = 3 * *a->at + a->plus;
}

/* A stream does what it is given in that order, also more than its queue holds; memory is not zero before. */
static void test_order_of_a_stream(void **unused) {
  rig r = make_rig("");
  int expected = 0, got = 0;
  assert_int_equal(r.memory[7], -1);
  assert_int_equal(d->clear(r.a, r.memory, N * sizeof(int)), SP_SUCCESS);
  for (int i = 0; i < 600; i++) {
    const addition a = {.at = &r.memory[7], .plus = i % 5, .pause_us = i < 3 ? 2000 : 0};
    assert_int_equal(sp_mock_launch(r.a, add, &a, sizeof a), SP_SUCCESS);
    expected = (int)(3u * (unsigned)expected + (unsigned)(i % 5));
  }
  assert_int_equal(d->copy(r.a, &got, &r.memory[7], sizeof got, SP_TO_HOST), SP_SUCCESS);
  assert_int_equal(sp_mock_finish(r.a), SP_SUCCESS);
  assert_int_equal(got, expected);
  drop_rig(&r);
}

/* What waits for an event sees what was queued before it was recorded; one that was never recorded holds nothing up. */
static void test_events_between_streams(void **unused) {
  rig r = make_rig("");
  bool over = false;
  int got = 0;
  assert_int_equal(d->query(r.event, &over), SP_SUCCESS);
  assert_true(over);
  assert_int_equal(d->after(r.b, r.event), SP_SUCCESS);
  for (int i = 1; i <= 5; i++) {
    const addition slow = {.at = &r.memory[0], .plus = i, .pause_us = 3000};
    assert_int_equal(d->clear(r.a, r.memory, sizeof(int)), SP_SUCCESS);
    assert_int_equal(sp_mock_launch(r.a, add, &slow, sizeof slow), SP_SUCCESS);
    assert_int_equal(d->record(r.event, r.a), SP_SUCCESS);
    assert_int_equal(d->after(r.b, r.event), SP_SUCCESS);
    assert_int_equal(d->copy(r.b, &got, r.memory, sizeof got, SP_TO_HOST), SP_SUCCESS);
    assert_int_equal(sp_mock_finish(r.b), SP_SUCCESS);
    assert_int_equal(got, i);
    assert_int_equal(d->query(r.event, &over), SP_SUCCESS);
    assert_true(over);
  }
  drop_rig(&r);
}

static void note_call(void *argument) {
  *(int *)argument += 1;
}

/* From the failure on every call fails, what was delivered before is good, and nothing more is done. */
static void test_fails_at_a_delivery(void **unused) {
  rig r = make_rig("fail_wait=2");
  int first = 0, second = 0, calls = 0;
  assert_int_equal(d->clear(r.a, r.memory, sizeof(int)), SP_SUCCESS);
  assert_int_equal(d->deliver(r.a), SP_SUCCESS);
  assert_int_equal(d->copy(r.a, &first, r.memory, sizeof first, SP_TO_HOST), SP_SUCCESS);
  assert_int_equal(d->record(r.event, r.a), SP_SUCCESS);
  assert_int_equal(d->wait(r.event), SP_SUCCESS);
  second = 9;
  assert_int_equal(d->deliver(r.a), SP_SUCCESS);
  (void)d->copy(r.a, &second, r.memory, sizeof second, SP_TO_HOST);
  (void)d->call(r.a, note_call, &calls);
  assert_int_equal(sp_mock_finish(r.a), SP_ERR_DEVICE);
  assert_true(first == 0 && second == 9 && calls == 0);
  assert_int_equal(d->bind(r.device), SP_ERR_DEVICE);
  assert_int_equal(d->record(r.event, r.b), SP_ERR_DEVICE);
  assert_int_equal(d->deliver(r.b), SP_ERR_DEVICE);
  drop_rig(&r);
}

/* One that is lost holds its stream up, and no other; who quiesces the device lets it go. */
static void test_loses_a_delivery(void **unused) {
  rig r = make_rig("lose=1");
  bool over = true;
  int calls = 0;
  assert_int_equal(d->deliver(r.a), SP_SUCCESS);
  assert_int_equal(d->record(r.event, r.a), SP_SUCCESS);
  assert_int_equal(d->call(r.b, note_call, &calls), SP_SUCCESS);
  assert_int_equal(sp_mock_finish(r.b), SP_SUCCESS);
  assert_int_equal(calls, 1);
  assert_int_equal(d->query(r.event, &over), SP_SUCCESS);
  assert_false(over);
  drop_rig(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order_of_a_stream),
      cmocka_unit_test(test_events_between_streams),
      cmocka_unit_test(test_fails_at_a_delivery),
      cmocka_unit_test(test_loses_a_delivery),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

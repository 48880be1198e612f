/* SPDX-License-Identifier: BSD-3-Clause */
/* Cores near a device. Private to seisproc. */
#ifndef SEISPROC_SRC_DEVICE_AFFINITY_H
#define SEISPROC_SRC_DEVICE_AFFINITY_H

/* Keeps the calling thread, and those that it starts from now on, on the cores that `sysfs` ("/sys") says are near the
 * PCI device `bus_id` ("0000:3B:00.0"), as far as this thread may use them. Returns how many these are; 0 where the
 * system does not tell or the thread may use none of them: then nothing changes. */
int sp_stay_near_device(const char *sysfs, const char *bus_id);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/base/file_bytes.h"

#include <errno.h>
#include <unistd.h>

int sp_write_all(int fd, const void *bytes, size_t n) {
  for (const char *from = bytes; n;) {
    const ssize_t put = write(fd, from, n);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return put ? errno : EIO;
    from += put;
    n -= (size_t)put;
  }
  return 0;
}

int sp_write_all_at(int fd, const void *bytes, size_t n, uint64_t offset) {
  for (const char *from = bytes; n;) {
    const ssize_t put = pwrite(fd, from, n, (off_t)offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return put ? errno : EIO;
    from += put;
    offset += (uint64_t)put;
    n -= (size_t)put;
  }
  return 0;
}

int sp_read_all(int fd, void *bytes, size_t n, size_t *got) {
  for (*got = 0; *got < n;) {
    const ssize_t more = read(fd, (char *)bytes + *got, n - *got);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return errno;
    if (more == 0) break;
    *got += (size_t)more;
  }
  return 0;
}

int sp_read_all_at(int fd, void *bytes, size_t n, uint64_t offset, size_t *got) {
  for (*got = 0; *got < n;) {
    const ssize_t more = pread(fd, (char *)bytes + *got, n - *got, (off_t)(offset + *got));
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) return errno;
    if (more == 0) break;
    *got += (size_t)more;
  }
  return 0;
}

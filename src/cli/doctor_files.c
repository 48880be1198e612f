/* SPDX-License-Identifier: BSD-3-Clause */
/* The file system of a folder: which it is, whether it takes direct writes, what is free, how Lustre stripes it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "seisproc/file_system.h"
#include "seisproc/memory.h"
#include "src/cli/doctor.h"

enum { PATH_SIZE = 4096, LFS_SECONDS = 20 };

typedef enum writing { DIRECT, NOT_DIRECT, NOT_WRITABLE } writing;

int sp_try_to_write(const char *path, size_t bytes) {
  char name[PATH_SIZE];
  snprintf(name, sizeof name, "%s/.seisproc-doctor.%ld", path, (long)getpid());
  const int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  int error = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t)bytes);
  if (error == EOPNOTSUPP || error == EINVAL) error = 0;
  if (fd >= 0) close(fd);
  if (fd >= 0) unlink(name);
  return error;
}

/* Writes a page past the page cache; on NOT_WRITABLE errno says why. */
static writing try_to_write(const char *path) {
  char name[PATH_SIZE];
  const int error = sp_try_to_write(path, SP_PAGE);
  if (error) {
    errno = error;
    return NOT_WRITABLE;
  }
  snprintf(name, sizeof name, "%s/.seisproc-doctor.%ld", path, (long)getpid());
  writing found = NOT_DIRECT;
  void *page = NULL;
  if (posix_memalign(&page, SP_PAGE, SP_PAGE)) page = NULL;
  const int fd = page ? open(name, O_CREAT | O_EXCL | O_WRONLY | O_DIRECT | O_CLOEXEC, 0600) : -1;
  if (fd >= 0) {
    memset(page, 0, SP_PAGE);
    if (pwrite(fd, page, SP_PAGE, 0) == SP_PAGE) found = DIRECT;
    close(fd);
  }
  free(page);
  unlink(name);
  return found;
}

static void mark_kind(sp_finding *f, sp_storage_kind kind) {
  if (kind == SP_STORAGE_NETWORK) {
    sp_finding_mark(
        f, SP_FINDING_WARNING, "keep surveys on a parallel file system, or on a disk of the node for jobs of one",
        "ranks of several nodes may not see each other's writes at once, and its rate is that of one server");
  } else if (kind == SP_STORAGE_MEMORY) {
    sp_finding_mark(f, SP_FINDING_WARNING, "name the folder where surveys are to be",
                    "what lies here takes memory and is gone when the node restarts");
  } else if (kind == SP_STORAGE_LAYERED) {
    sp_finding_mark(f, SP_FINDING_WARNING, "bind a folder of the host into the container for surveys",
                    "this is a container's own layer: slow to write, and gone with the container");
  }
}

/* How many servers a file here is spread over, as Lustre's own tool tells. */
static void look_at_stripes(sp_diagnosis *diagnosis, const char *path) {
  char text[SP_FINDING_TEXT] = "";
  const char *const command[] = {"lfs", "getstripe", "-d", "-c", path, NULL};
  if (!sp_capture_program(command, LFS_SECONDS, text, sizeof text)) {
    sp_finding *f = sp_diagnosis_add(diagnosis, "striping", "not known");
    sp_finding_mark(f, SP_FINDING_WARNING, "run this where `lfs` is, or ask with `lfs getstripe -d`",
                    "`lfs` is not there or gives no answer");
    return;
  }
  const long count = strtol(text, NULL, 10);
  sp_finding *f = sp_diagnosis_add(diagnosis, "striping", "%ld stripes a file%s", count, count < 0 ? " (all)" : "");
  if (count == 0 || count == 1) {
    sp_finding_mark(f, SP_FINDING_WARNING, "lfs setstripe -c 8 -S 16M FOLDER, before anything is written there",
                    "a survey would lie on one server, and be read and written at its rate");
  }
}

void sp_diagnose_file_system(sp_diagnosis *diagnosis, const char *path) {
  struct statfs type;
  struct statvfs room;
  if (statfs(path, &type) || statvfs(path, &room)) {
    sp_finding *f = sp_diagnosis_add(diagnosis, "file system", "not known");
    sp_finding_mark(f, SP_FINDING_PROBLEM, "name another folder", "%s", strerror(errno));
    return;
  }
  const sp_file_system *fs = sp_file_system_of(path);
  char number[32];
  snprintf(number, sizeof number, "type 0x%lx", (unsigned long)type.f_type & 0xffffffff);
  const double free_gb = 1e-9 * (double)room.f_bavail * (double)room.f_frsize;
  errno = 0;
  const writing how = try_to_write(path);
  const int why = errno;
  sp_finding *f = sp_diagnosis_add(diagnosis, "file system", "%s, %.1f GB free%s", fs ? fs->name : number, free_gb,
                                   how == DIRECT ? ", direct writes" : "");
  if (how == NOT_WRITABLE) {
    sp_finding_mark(f, SP_FINDING_PROBLEM, "name a folder that this user may write to, with room in its quota",
                    "no file can be written: %s", strerror(why));
  }
  if (room.f_files && room.f_favail == 0) {
    sp_finding_mark(f, SP_FINDING_PROBLEM, "remove files, or ask for more", "no further file can be made (inodes)");
  }
  if (free_gb < 1) {
    sp_finding_mark(f, SP_FINDING_WARNING, "remove what is not needed, or name another folder",
                    "there is little room: an output is as large as its input, or twice that");
  }
  if (fs) mark_kind(f, fs->kind);
  if (how == NOT_DIRECT) {
    sp_finding_mark(f, SP_FINDING_WARNING, "nothing: jobs then write through the page cache by themselves",
                    "it takes no writes past the page cache, which cost a core more and evict the input");
  }
  if (fs && !strcmp(fs->name, SP_LUSTRE)) look_at_stripes(diagnosis, path);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* MPI, its launcher, what it reads files with, PMIx, and HDF5. */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/launch.h"
#include "src/cli/doctor.h"
#include "src/store/h5.h"

enum { START_SECONDS = 60, VERSION_SECONDS = 20, PATH_SIZE = 4096 };

/* --- in a process of its own, which starts MPI ------------------------------------------------------------ */

/* ROMIO has hints of its own name among a file's; what else there is in Open MPI is OMPIO. */
static const char *io_component(MPI_File file) {
  MPI_Info info;
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int n_keys = 0, length;
  const char *name = NULL;
  MPI_Get_library_version(version, &length);
  if (MPI_File_get_info(file, &info)) return "unknown";
  MPI_Info_get_nkeys(info, &n_keys);
  for (int i = 0; i < n_keys && !name; i++) {
    char key[MPI_MAX_INFO_KEY + 1];
    if (!MPI_Info_get_nthkey(info, i, key) && strstr(key, "romio")) name = "ROMIO";
  }
  MPI_Info_free(&info);
  return name ? name : strstr(version, "Open MPI") ? "OMPIO" : "unknown";
}

static const char *write_through_mpi(const char *path) {
  static const char text[] = "seisproc doctor";
  char name[PATH_SIZE];
  MPI_File file;
  snprintf(name, sizeof name, "%s/.seisproc-doctor-mpi.%ld", path, (long)getpid());
  const int mode = MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE;
  if (MPI_File_open(MPI_COMM_SELF, name, mode, MPI_INFO_NULL, &file)) return "refused";
  const int failed = MPI_File_write_at(file, 0, text, (int)sizeof text, MPI_BYTE, MPI_STATUS_IGNORE);
  const char *component = io_component(file);
  MPI_File_close(&file);
  return failed ? "refused" : component;
}

/* The PMIx library that MPI has loaded, if it has one outside itself. */
static bool has_loaded(const char *library) {
  char line[PATH_SIZE];
  bool found = false;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && !found && fgets(line, sizeof line, maps)) found = strstr(line, library) != NULL;
  if (maps) fclose(maps);
  return found;
}

static int start_mpi(void *path) {
  int provided = 0;
  if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided)) return 1;
  const bool pmix = has_loaded("/libpmix");
  const char *component = write_through_mpi(path);
  printf("\nthreads=%d io=%s pmix=%d\n", provided >= MPI_THREAD_FUNNELED, component, pmix);
  fflush(stdout);
  MPI_Finalize();
  return 0;
}

/* --- what is made of it ----------------------------------------------------------------------------------- */

static void first_line(char *text) {
  text[strcspn(text, "\n")] = '\0';
}

static void look_at_launcher(sp_diagnosis *diagnosis, const char *library) {
  char text[SP_FINDING_TEXT] = "";
  const char *const command[] = {sp_mpirun_name(), "--version", NULL};
  const bool runs = sp_capture_program(command, VERSION_SECONDS, text, sizeof text);
  const sp_mpirun kind = sp_mpirun_kind(text);
  first_line(text);
  sp_finding *f =
      sp_diagnosis_add(diagnosis, "launcher", "%.200s: %.200s", sp_mpirun_name(), runs ? text : "not found");
  if (!runs) {
    sp_finding_mark(f, SP_FINDING_PROBLEM,
                    "load the module of the MPI that seisproc was built with, or set SEISPROC_MPIRUN",
                    "`seisproc run` cannot start ranks by itself");
  } else if (kind != SP_MPIRUN_SLURM && (kind == SP_MPIRUN_OPEN_MPI) != (strstr(library, "Open MPI") != NULL)) {
    sp_finding_mark(f, SP_FINDING_PROBLEM, "put the launcher of that MPI first on PATH, or name it in SEISPROC_MPIRUN",
                    "it belongs to another MPI than the program, so each rank would take itself for the only one");
  }
}

static void look_at_pmix(sp_diagnosis *diagnosis, bool started, const char *probe) {
  const bool loaded = started && strstr(probe, "pmix=1");
  sp_finding *f =
      sp_diagnosis_add(diagnosis, "pmix", "%s", loaded ? "MPI has loaded it" : "MPI has loaded none of its own");
  if (!loaded) f->state = SP_FINDING_NONE;
}

void sp_diagnose_mpi(sp_diagnosis *diagnosis, const char *path) {
  char version[MPI_MAX_LIBRARY_VERSION_STRING] = "", probe[4 * SP_FINDING_TEXT];
  int length, major = 0, minor = 0;
  MPI_Get_library_version(version, &length);
  MPI_Get_version(&major, &minor);
  version[strcspn(version, ",\n")] = '\0';
  const bool ended = sp_capture(start_mpi, (void *)(uintptr_t)path, START_SECONDS, probe, sizeof probe);
  const char *answer = strstr(probe, "\nthreads=");
  sp_finding *f = sp_diagnosis_add(diagnosis, "mpi", "%.300s, MPI %d.%d", version, major, minor);
  if (!ended || !answer) {
    first_line(probe);
    sp_finding_mark(
        f, SP_FINDING_PROBLEM,
        "see what a program of one line with MPI_Init says; in a container, whether it may fork and use /tmp",
        "it does not start within %d s: %.300s", START_SECONDS, probe[0] ? probe : "it says nothing");
  } else if (strstr(answer, "threads=0")) {
    sp_finding_mark(f, SP_FINDING_PROBLEM, "use an MPI built with threads",
                    "it does not allow threads beside the one that calls it (MPI_THREAD_FUNNELED)");
  }
  char component[32] = "unknown";
  if (answer) sscanf(answer, "\nthreads=%*d io=%31s", component);
  f = sp_diagnosis_add(diagnosis, "mpi files", "%s", component);
  if (!strcmp(component, "refused")) {
    sp_finding_mark(
        f, SP_FINDING_PROBLEM,
        "see the file system and /dev/shm below; else choose another component (Open MPI: OMPI_MCA_io=ompio or "
        "OMPI_MCA_io=romio321; MPICH: ROMIO_FSTYPE_FORCE=ufs:)",
        "MPI can create and write no file in the folder");
  }
  look_at_launcher(diagnosis, version);
  look_at_pmix(diagnosis, answer != NULL, answer ? answer : "");
  char built[32], runs[32];
  const bool parallel = sp_h5_versions(built, sizeof built, runs, sizeof runs);
  f = sp_diagnosis_add(diagnosis, "hdf5", "%s%s", runs, parallel ? ", with MPI" : "");
  if (!parallel) {
    sp_finding_mark(f, SP_FINDING_PROBLEM, "build with a parallel HDF5", "HDF5 was built without MPI");
  } else if (strcmp(built, runs)) {
    sp_finding_mark(f, SP_FINDING_WARNING, "load the HDF5 that seisproc was built with, or build it anew",
                    "seisproc was built with %s", built);
  }
}

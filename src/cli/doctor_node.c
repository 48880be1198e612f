/* SPDX-License-Identifier: BSD-3-Clause */
/* The node: interfaces, Slurm, GPUs, cores and memory, limits. */
#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include "seisproc/engine.h"
#include "seisproc/machine.h"
#include "src/cli/doctor.h"

enum { ASK_SECONDS = 20 };

static bool has_entries(const char *folder) {
  DIR *dir = opendir(folder);
  const struct dirent *entry;
  bool found = false;
  while (dir && !found && (entry = readdir(dir))) found = entry->d_name[0] != '.';
  if (dir) closedir(dir);
  return found;
}

static bool has_infiniband(void) {
  return has_entries("/sys/class/infiniband");
}

/* Bridges of containers and virtual machines have the same address on every node. */
static bool is_bridge(const char *name) {
  return !strncmp(name, "docker", 6) || !strncmp(name, "virbr", 5) || !strncmp(name, "podman", 6) ||
         !strncmp(name, "cni", 3);
}

static void look_at_interfaces(sp_diagnosis *diagnosis) {
  struct ifaddrs *list = NULL;
  char text[SP_FINDING_TEXT - 64] = "";
  size_t n = 0;
  bool bridge = false;
  if (getifaddrs(&list)) list = NULL;
  for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
    if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || i->ifa_flags & IFF_LOOPBACK || !(i->ifa_flags & IFF_UP))
      continue;
    char address[INET_ADDRSTRLEN] = "";
    struct sockaddr_in in;
    memcpy(&in, i->ifa_addr, sizeof in);
    inet_ntop(AF_INET, &in.sin_addr, address, sizeof address);
    if (n < sizeof text)
      n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "", i->ifa_name, address);
    bridge = bridge || is_bridge(i->ifa_name);
  }
  if (list) freeifaddrs(list);
  sp_finding *f = sp_diagnosis_add(diagnosis, "interfaces", "%s%s", n ? text : "none but the loopback",
                                   has_infiniband() ? "; InfiniBand" : "");
  const bool told = getenv("OMPI_MCA_btl_tcp_if_include") || getenv("OMPI_MCA_btl_tcp_if_exclude");
  if (!n && !has_infiniband()) f->state = SP_FINDING_NONE;
  if (bridge && !told) {
    sp_finding_mark(f, SP_FINDING_WARNING,
                    "export OMPI_MCA_btl_tcp_if_exclude=lo,docker0,virbr0 (Open MPI), with the bridges that there are",
                    "a bridge has the same address on every node: jobs of several nodes may hang as they start");
  }
}

static void look_at_slurm(sp_diagnosis *diagnosis) {
  char types[SP_FINDING_TEXT] = "";
  const char *const command[] = {"srun", "--mpi=list", NULL};
  const char *job = getenv("SLURM_JOB_ID");
  const bool there = sp_capture_program(command, ASK_SECONDS, types, sizeof types);
  const bool pmix = strstr(types, "pmix") != NULL;
  if (!there && !job) {
    sp_diagnosis_add(diagnosis, "slurm", "no srun on the PATH")->state = SP_FINDING_NONE;
    return;
  }
  sp_finding *f = sp_diagnosis_add(diagnosis, "slurm", "%s%.64s%s", job ? "in job " : "not in a job", job ? job : "",
                                   pmix ? ", srun with PMIx" : "");
  if (!there) {
    sp_finding_mark(f, SP_FINDING_WARNING, "put srun on the PATH, or start ranks with mpirun",
                    "srun is not there or gives no answer");
  } else if (!pmix) {
    sp_finding_mark(f, SP_FINDING_WARNING, "start ranks with mpirun inside the job, or ask for Slurm's pmix plugin",
                    "srun has no PMIx: with Open MPI each rank it starts would take itself for the only one");
  }
}

static void look_at_gpus(sp_diagnosis *diagnosis) {
  char why[SP_FINDING_TEXT] = "", driver[160] = "";
  const int n = sp_gpu_count(why, sizeof why);
  FILE *file = fopen("/proc/driver/nvidia/version", "r");
  if (file) {
    if (!fgets(driver, sizeof driver, file)) driver[0] = '\0';
    driver[strcspn(driver, "\n")] = '\0';
    fclose(file);
  }
  if (n == 0 && !driver[0]) {
    sp_diagnosis_add(diagnosis, "gpu", "none: %.400s", why)->state = SP_FINDING_NONE;
    return;
  }
  sp_finding *f = sp_diagnosis_add(diagnosis, "gpu", "%d to be used; %s", n, driver);
  if (n > 0) return;
  sp_finding_mark(
      f, SP_FINDING_WARNING,
      "build with CUDA's nvcc on the PATH; in a job, ask for GPUs; in a container, pass them on (--nv, --gpus)",
      "there is a driver, but jobs will compute on the CPU: %.400s", why);
}

static void look_at_machine(sp_diagnosis *diagnosis) {
  sp_machine machine;
  sp_machine_look(&machine);
  sp_finding *f =
      sp_diagnosis_add(diagnosis, "cores", "%d, and %.1f GB of memory", machine.n_cores, 1e-9 * (double)machine.memory);
  if (machine.memory && machine.memory < 1000000000) {
    sp_finding_mark(f, SP_FINDING_WARNING, "ask for more memory (Slurm: --mem), or end what uses it",
                    "that is little for input buffers and slots of results");
  }
}

static void limit_text(rlim_t limit, char *text, size_t size) {
  if (limit == RLIM_INFINITY) {
    snprintf(text, size, "unlimited");
  } else {
    snprintf(text, size, "%llu", (unsigned long long)limit);
  }
}

/* Limits that are set for a shell and bind each rank; what is not limited is no finding. */
static void look_at_sizes(sp_diagnosis *diagnosis) {
  static const struct {
    int resource;
    const char *name, *remedy, *wrong;
  } limits[] = {
      {RLIMIT_FSIZE, "fsize", "ulimit -f unlimited",
       "outputs that are larger cannot be written: their jobs are refused"},
      {RLIMIT_AS, "address space", "ulimit -v unlimited; limit memory by the job (Slurm: --mem)",
       "MPI maps far more than it uses: ranks that want more end for want of memory"},
  };
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    struct rlimit limit;
    char text[32];
    if (getrlimit(limits[i].resource, &limit) || limit.rlim_cur == RLIM_INFINITY) continue;
    limit_text(limit.rlim_cur, text, sizeof text);
    sp_finding *f = sp_diagnosis_add(diagnosis, limits[i].name, "%s bytes", text);
    sp_finding_mark(f, SP_FINDING_WARNING, limits[i].remedy, "%s", limits[i].wrong);
  }
}

/* Measured with Open MPI 4.1: its launcher dies with 192 KiB, and jobs run with 256. */
static void look_at_stack(sp_diagnosis *diagnosis) {
  enum { LAUNCHER_DIES = 256 << 10, ROOM_FOR_MPI = 1 << 20 };
  struct rlimit limit;
  char text[32];
  if (getrlimit(RLIMIT_STACK, &limit) || limit.rlim_cur >= ROOM_FOR_MPI) return;
  limit_text(limit.rlim_cur, text, sizeof text);
  sp_finding *f = sp_diagnosis_add(diagnosis, "stack", "%s bytes", text);
  sp_finding_mark(f, limit.rlim_cur < LAUNCHER_DIES ? SP_FINDING_PROBLEM : SP_FINDING_WARNING, "ulimit -s 8192",
                  "MPI and its launcher need more: they end with a segmentation fault");
}

static void look_at_limits(sp_diagnosis *diagnosis) {
  struct rlimit locked, files;
  char text[32];
  if (!getrlimit(RLIMIT_MEMLOCK, &locked)) {
    limit_text(locked.rlim_cur, text, sizeof text);
    sp_finding *f = sp_diagnosis_add(diagnosis, "memlock", "%s bytes", text);
    if (has_infiniband() && locked.rlim_cur < ((rlim_t)1 << 30)) {
      sp_finding_mark(f, SP_FINDING_WARNING, "ulimit -l unlimited, in limits.conf and Slurm's PropagateResourceLimits",
                      "InfiniBand needs memory that is locked: transfers fail or go over TCP");
    }
  }
  if (!getrlimit(RLIMIT_NOFILE, &files)) {
    limit_text(files.rlim_cur, text, sizeof text);
    sp_finding *f = sp_diagnosis_add(diagnosis, "nofile", "%s files", text);
    if (files.rlim_cur < 256) {
      sp_finding_mark(f, SP_FINDING_WARNING, "ulimit -n 1024, or more with many ranks a node",
                      "MPI opens files and sockets for each rank");
    }
  }
}

static void look_at_shared_memory(sp_diagnosis *diagnosis) {
  struct statvfs room;
  if (statvfs("/dev/shm", &room)) {
    sp_finding *f = sp_diagnosis_add(diagnosis, "/dev/shm", "not there");
    sp_finding_mark(f, SP_FINDING_PROBLEM, "mount a tmpfs there (mount -t tmpfs tmpfs /dev/shm)",
                    "the memory that ranks of a node share lies there");
    return;
  }
  const double gb = 1e-9 * (double)room.f_bavail * (double)room.f_frsize;
  const int error = sp_try_to_write("/dev/shm", 65536);
  sp_finding *f = sp_diagnosis_add(diagnosis, "/dev/shm", "%.2f GB free", gb);
  if (error) {
    sp_finding_mark(f, SP_FINDING_PROBLEM, "make it writable, with room (mount -o remount,rw,size=8g /dev/shm)",
                    "the memory that ranks of a node share lies there, and no file can be made: %s", strerror(error));
  }
  if (gb < 0.5) {
    sp_finding_mark(f, SP_FINDING_WARNING,
                    "remove what was left there; in a container, make it larger (--shm-size=8g, or bind the host's)",
                    "the slots for results that ranks of a node share lie there, some hundred MB a worker");
  }
}

void sp_diagnose_node(sp_diagnosis *diagnosis) {
  look_at_interfaces(diagnosis);
  look_at_slurm(diagnosis);
  look_at_gpus(diagnosis);
  look_at_machine(diagnosis);
  look_at_stack(diagnosis);
  look_at_limits(diagnosis);
  look_at_sizes(diagnosis);
  look_at_shared_memory(diagnosis);
}
